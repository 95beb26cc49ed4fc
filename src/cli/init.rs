//! `slod init`: a first config, from flags or by asking.

use super::exit;
use super::output::{complain, show};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Source};
use crate::probe;
use clap::Args;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use url::Url;

#[derive(Debug, Args)]
pub struct InitArgs {
    /// What to probe: a URL such as `https://api.example/health`, or `tcp://HOST:PORT`. Repeat it for several services. Without it, slod asks on a terminal.
    #[arg(long = "url", value_name = "URL", value_parser = target)]
    urls: Vec<Url>,
    /// The name of the service, once for each --url [default: from the host].
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// The share of good minutes and requests to reach.
    #[arg(long, value_name = "RATIO", default_value = "99.9%")]
    target: String,
    /// 95 % of the requests must be faster than this.
    #[arg(long, value_name = "DURATION", default_value = "500ms")]
    latency: String,
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    interval: String,
    /// The file to write; `-` is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "slod.yaml")]
    out: PathBuf,
    /// Overwrite the file if it exists.
    #[arg(long)]
    force: bool,
}

/// What the config is made from.
#[derive(Debug)]
struct Answers {
    services: Vec<(String, Url)>,
    target: String,
    latency: String,
    interval: String,
}

pub fn run(args: &InitArgs) -> u8 {
    match write(args) {
        Ok(()) => exit::OK,
        Err(reason) => {
            complain(&format!("slod: {reason}"));
            exit::USAGE
        }
    }
}

fn write(args: &InitArgs) -> Result<(), String> {
    // Before anything is asked.
    if !args.force && !is_stdout(&args.out) && args.out.symlink_metadata().is_ok() {
        return Err(exists(&args.out));
    }
    let answers = if args.urls.is_empty() {
        if !io::stdin().is_terminal() {
            return Err("--url is required when standard input is not a terminal".to_owned());
        }
        ask(args, &mut io::stdin().lock(), &mut io::stderr())
            .map_err(|error| format!("cannot read the answers: {error}"))?
    } else {
        from_flags(args)?
    };
    let text = answers.to_yaml();
    check(&args.out, &text)?;
    if is_stdout(&args.out) {
        show(&text);
        return Ok(());
    }
    save(args, &text)?;
    let (out, first) = (args.out.display(), &answers.services[0].0);
    eprintln!(
        "{out} is written. Next:\n  slod probe --config {out} {first}   # one attempt, explained\n  slod run --config {out}\n"
    );
    Ok(())
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

fn exists(path: &Path) -> String {
    format!("{} exists already; --force overwrites it", path.display())
}

fn save(args: &InitArgs, text: &str) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options
        .open(&args.out)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(&args.out),
        _ => format!("cannot write {}: {error}", args.out.display()),
    })
}

/// A URL with a host. Without a scheme, it is https, or http for addresses and local names.
fn target(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        let host = text.split(['/', ':']).next().unwrap_or_default();
        let is_local = !host.contains('.') || host.parse::<IpAddr>().is_ok();
        format!("{}://{text}", if is_local { "http" } else { "https" })
    };
    let expected = "expected a URL such as https://api.example/health, or tcp://HOST:PORT";
    let url = Url::parse(&with_scheme).map_err(|_| expected.to_owned())?;
    let is_valid = match url.scheme() {
        "http" | "https" => true,
        "tcp" => url.port().is_some(),
        _ => false,
    };
    (is_valid && url.has_host())
        .then_some(url)
        .ok_or_else(|| expected.to_owned())
}

/// `api-example-com`; hosts that are addresses name nothing.
fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if is_address || host.is_empty() {
        return "service".to_owned();
    }
    host.replace('.', "-")
}

fn from_flags(args: &InitArgs) -> Result<Answers, String> {
    if args.names.len() > args.urls.len() {
        let (names, urls) = (args.names.len(), args.urls.len());
        return Err(format!(
            "--name is set {names} times, but --url only {urls} times"
        ));
    }
    let mut services: Vec<(String, Url)> = Vec::new();
    for (index, url) in args.urls.iter().enumerate() {
        let name = match args.names.get(index) {
            Some(name) => name.clone(),
            None => free_name(&services, &name_of(url)),
        };
        services.push((name, url.clone()));
    }
    Ok(Answers {
        services,
        target: args.target.clone(),
        latency: args.latency.clone(),
        interval: args.interval.clone(),
    })
}

/// The name itself, or the first of `name-2`, `name-3`, ... that no service has.
fn free_name(services: &[(String, Url)], name: &str) -> String {
    let is_free = |name: &String| services.iter().all(|(taken, _)| taken != name);
    let numbered = (2_u64..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(is_free).unwrap_or_default()
}

/// Asks until there is a valid answer.
fn ask(args: &InitArgs, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<Answers> {
    let mut services: Vec<(String, Url)> = Vec::new();
    loop {
        let url = loop {
            let text = prompt(
                from,
                to,
                "URL to probe, such as https://api.example/health",
                "",
            )?;
            match target(&text) {
                Ok(url) => break url,
                Err(reason) => writeln!(to, "{reason}")?,
            }
        };
        let default = free_name(&services, &name_of(&url));
        let name = prompt(from, to, "Name of the service", &default)?;
        services.push((name, url));
        let more = prompt(from, to, "Another service? (y/n)", "n")?;
        if !more.to_lowercase().starts_with('y') {
            break;
        }
    }
    Ok(Answers {
        services,
        target: prompt(from, to, "Target for availability and errors", &args.target)?,
        latency: prompt(
            from,
            to,
            "95 % of the requests are faster than",
            &args.latency,
        )?,
        interval: prompt(from, to, "Interval between attempts", &args.interval)?,
    })
}

fn prompt(
    from: &mut impl BufRead,
    to: &mut impl Write,
    question: &str,
    default: &str,
) -> io::Result<String> {
    match default {
        "" => write!(to, "{question}: ")?,
        default => write!(to, "{question} [{default}]: ")?,
    }
    to.flush()?;
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let answer = line.trim();
    Ok(if answer.is_empty() { default } else { answer }.to_owned())
}

/// The config must be what `slod check` accepts without a warning.
fn check(path: &Path, text: &str) -> Result<(), String> {
    let source = Source {
        name: path.display().to_string(),
        text: text.to_owned(),
    };
    let base = path.parent().unwrap_or(Path::new(""));
    let loaded = Config::load(&source, base, &|_| None, probe::KINDS);
    match &*loaded.diagnostics {
        [] => Ok(()),
        found => {
            let messages = found.iter().map(|Diagnostic { message, help, .. }| {
                let help = help.as_deref().unwrap_or_default();
                format!("{message}: {help}")
            });
            // An answer may stand in several places.
            let mut messages: Vec<_> = messages.collect();
            messages.dedup();
            Err(format!("nothing is written: {}", messages.join("; ")))
        }
    }
}

impl Answers {
    fn to_yaml(&self) -> String {
        let (target, latency, interval) = (
            quoted(&self.target),
            quoted(&self.latency),
            quoted(&self.interval),
        );
        let mut yaml = format!(
            "# Written by `slod init`. docs/CONFIGURATION.md lists every key; `slod check` validates this file.
listen: 127.0.0.1:9771
store: {{ path: data/slod.db, retention: 400d }}
defaults:
  interval: {interval}
  timeout: 5s
  objectives:
    - {{ name: availability, sli: availability, target: {target}, window: 30d }}
    - {{ name: latency-p95, sli: latency, below: {latency}, target: 95%, window: 30d }}
    - {{ name: errors, sli: success, target: {target}, window: 30d }}
services:
"
        );
        for (name, url) in &self.services {
            let name = quoted(name);
            let probe = match (url.scheme(), url.host_str(), url.port()) {
                ("tcp", Some(host), Some(port)) => {
                    format!(
                        "name: connect, tcp: {{ address: {} }}",
                        quoted(&format!("{host}:{port}"))
                    )
                }
                _ => format!(
                    "name: health, http: {{ url: {}, expect: {{ status: [200-299] }} }}",
                    quoted(url.as_str())
                ),
            };
            // Writing to a text cannot fail.
            let _ = write!(
                yaml,
                "  - name: {name}\n    probes:\n      - {{ {probe} }}\n"
            );
        }
        yaml
    }
}

/// As a YAML scalar: plain if that is unambiguous. `${` would be replaced by a variable.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.%".contains(c);
    let begins = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let is_number_with_unit = text.chars().next().is_some_and(|c| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_alphabetic() || c == '%');
    let is_word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .contains(&text.to_lowercase().as_str());
    if text.chars().all(is_plain) && (begins || is_number_with_unit) && !is_word {
        return text.to_owned();
    }
    serde_json::Value::from(text.replace("${", "$${")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(urls: &[&str]) -> Answers {
        let services = urls.iter().map(|url| {
            let url = target(url).expect("valid");
            (name_of(&url), url)
        });
        Answers {
            services: services.collect(),
            target: "99.9%".to_owned(),
            latency: "500ms".to_owned(),
            interval: "10s".to_owned(),
        }
    }

    #[test]
    fn what_is_written_passes_the_check_without_a_warning() {
        for url in [
            "http://127.0.0.1:8000/health",
            "https://api.example/a?b=${c}&d=\"e\"#f",
            "localhost:8000",
            "api.example",
            "tcp://db.internal:5432",
            "tcp://[::1]:5432",
        ] {
            let text = answers(&[url]).to_yaml();
            assert_eq!(
                check(Path::new("slod.yaml"), &text),
                Ok(()),
                "{url}\n{text}"
            );
        }
    }

    #[test]
    fn addresses_get_a_scheme_and_others_are_refused() {
        let target = |text| target(text).map(|url| url.to_string());
        assert_eq!(
            target("localhost:8000/x"),
            Ok("http://localhost:8000/x".to_owned())
        );
        assert_eq!(target("10.0.0.1"), Ok("http://10.0.0.1/".to_owned()));
        assert_eq!(target("api.example"), Ok("https://api.example/".to_owned()));
        for text in ["", "ftp://a.example/", "tcp://db", "http://", "a b"] {
            assert!(target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn answers_are_asked_for_until_they_are_valid() {
        let args = InitArgs {
            urls: Vec::new(),
            names: Vec::new(),
            target: "99.9%".to_owned(),
            latency: "500ms".to_owned(),
            interval: "10s".to_owned(),
            out: PathBuf::from("slod.yaml"),
            force: false,
        };
        let typed = "ftp://x\nhttp://a.example/\n\ny\na.example\nother\n\n99%\n\n1m\n";
        let mut asked = Vec::new();
        let answers = ask(&args, &mut typed.as_bytes(), &mut asked).expect("all answered");
        let names: Vec<_> = answers.services.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["a-example", "other"]);
        assert_eq!(
            (&*answers.target, &*answers.latency, &*answers.interval),
            ("99%", "500ms", "1m")
        );
        let ended = ask(&args, &mut "".as_bytes(), &mut asked);
        assert_eq!(
            ended.map_err(|error| error.kind()).err(),
            Some(io::ErrorKind::UnexpectedEof)
        );
    }

    #[test]
    fn services_of_one_host_get_different_names() {
        let url = |text| target(text).expect("valid");
        let taken = [
            ("a".to_owned(), url("http://a")),
            ("a-2".to_owned(), url("http://a")),
        ];
        assert_eq!(free_name(&taken, "a"), "a-3");
        assert_eq!(free_name(&taken, "b"), "b");
    }
}
