//! The config, and the web configuration file.

use super::Run;
use slod::config::Config;
use slod::diagnostic::Source;
use slod::web::auth::check;
use std::fs;
use std::path::Path;

/// Reads a text, and draws what is wrong with it.
fn load(text: String, base: &Path) -> Option<Config> {
    let source = Source::new("slod.yaml", text);
    let env = |name: &str| (name.len() < 8).then(|| "from-the-environment".to_owned());
    let loaded = Config::load(&source, base, &env);
    loaded.shown.draw_all(&loaded.diagnostics, true);
    loaded.config
}

pub fn config() -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    Box::new(move |data| {
        let text = String::from_utf8_lossy(data).into_owned();
        load(text, folder.path());
    })
}

pub fn web_file() -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "web: { config_file: web.yml }\nlisten: 0.0.0.0:0\nservices: [ { name: a, probes: [ { name: p, tcp: { address: 'h:1' } } ] } ]";
    let config = load(text.to_owned(), folder.path()).expect("valid");
    Box::new(move |data| {
        fs::write(folder.path().join("web.yml"), data).expect("written");
        let loaded = check(&config).expect("a file");
        loaded.errors();
    })
}
