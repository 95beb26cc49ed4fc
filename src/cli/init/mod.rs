//! `slod init`: writes a first config, from flags or from interactive prompts.

mod ask;
mod service;
mod yaml;

use super::exit;
use super::failure::{CommandResult, Failure};
use super::output::{print_error, show};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::format::numbers::plural;
use ask::ask;
use clap::Args;
use service::{NewService, endpoint, free_name, name_of, target};
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use url::Url;
use yaml::Answers;

#[derive(Debug, Args)]
pub struct InitArgs {
    /// What to probe: a URL such as `https://api.example/health` or `wss://chat.example/ws`, or `tcp://HOST:PORT`. Repeat it for several services. Without it, slod prompts on a terminal.
    #[arg(long = "url", value_name = "URL", value_parser = target)]
    urls: Vec<Url>,
    /// Prometheus endpoint of a service, whose real requests then count; `/metrics` unless the URL has a path. It belongs to the service of the --url in the same position; without one, to a service without probes.
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    metrics: Vec<Url>,
    /// The name of the service, once for each service [default: from the host].
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Target ratio of good minutes and requests.
    #[arg(long, value_name = "RATIO", default_value = "99.9%")]
    target: String,
    /// 95% of the requests must be faster than this.
    #[arg(long, value_name = "DURATION", default_value = "500ms")]
    latency: String,
    /// Time between two attempts.
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    interval: String,
    /// The file to write; `-` is standard output.
    #[arg(
        long,
        short,
        alias = "config",
        value_name = "FILE",
        default_value = "slod.yaml"
    )]
    out: PathBuf,
    /// Overwrite the file if it exists.
    #[arg(long)]
    force: bool,
}

pub fn run(args: &InitArgs) -> CommandResult {
    write(args).map_err(Failure::usage)?;
    Ok(exit::OK)
}

fn write(args: &InitArgs) -> Result<(), String> {
    // Checked before any prompt.
    if !args.force && !is_stdout(&args.out) && args.out.symlink_metadata().is_ok() {
        return Err(exists(&args.out));
    }
    let answers = if args.urls.is_empty() && args.metrics.is_empty() {
        if !io::stdin().is_terminal() {
            return Err(
                "--url or --metrics is required when standard input is not a terminal".to_owned(),
            );
        }
        ask(args, &mut io::stdin().lock(), &mut io::stderr())
            .map_err(|error| format!("cannot read the answers: {error}"))?
    } else {
        from_flags(args)?
    };
    let text = answers
        .to_yaml()
        .map_err(|reason| format!("nothing was written: {reason}"))?;
    let warnings = check(&args.out, &text)?;
    for warning in &warnings {
        print_error(&format!("slod: warning: {warning}"));
    }
    if is_stdout(&args.out) {
        show(&text);
        return Ok(());
    }
    save(args, &text)?;
    let (out, first) = (args.out.display(), &answers.services[0].name);
    print_error(&format!(
        "Wrote {out}. Next:\n  slod probe --config {out} {first}   # one attempt, explained\n  slod run --config {out}\n"
    ));
    Ok(())
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

fn exists(path: &Path) -> String {
    format!("{} already exists; --force overwrites it", path.display())
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

fn from_flags(args: &InitArgs) -> Result<Answers, String> {
    let count = args.urls.len().max(args.metrics.len());
    let names = args.names.len();
    if names > count {
        return Err(format!(
            "--name is set {names} times, but --url and --metrics are only for {}",
            plural(count as u64, "service")
        ));
    }
    let mut services: Vec<NewService> = Vec::new();
    for index in 0..count {
        let (probed, metrics) = (args.urls.get(index), args.metrics.get(index));
        let from_host = probed.or(metrics).map(name_of).unwrap_or_default();
        let name = match args.names.get(index) {
            Some(name) => name.clone(),
            None => free_name(&services, &from_host),
        };
        services.push(NewService {
            name,
            probed: probed.cloned(),
            metrics: metrics.cloned(),
        });
    }
    Ok(Answers {
        services,
        target: args.target.clone(),
        latency: args.latency.clone(),
        interval: args.interval.clone(),
    })
}

/// Checks that `slod check` accepts the config. Returns the warnings.
fn check(path: &Path, text: &str) -> Result<Vec<String>, String> {
    let source = Source::new(path.display().to_string(), text);
    let base = path.parent().unwrap_or(Path::new(""));
    let loaded = Config::load(&source, base, &|_| None);
    let messages = |severity: Severity| {
        let found = loaded.diagnostics.iter();
        let found = found.filter(|one| one.severity == severity);
        let found = found.map(|Diagnostic { message, help, .. }| match help {
            Some(help) => format!("{message}: {help}"),
            None => message.clone(),
        });
        // One answer may be used in several places.
        let mut messages: Vec<String> = Vec::new();
        for message in found {
            if !messages.contains(&message) {
                messages.push(message);
            }
        }
        messages
    };
    match &*messages(Severity::Error) {
        [] => Ok(messages(Severity::Warning)),
        errors => Err(format!("nothing was written: {}", errors.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(url: &str, latency: &str, interval: &str) -> Answers {
        let url = target(url).expect("valid");
        Answers {
            services: vec![NewService {
                name: name_of(&url),
                probed: Some(url),
                metrics: None,
            }],
            target: "99.9%".to_owned(),
            latency: latency.to_owned(),
            interval: interval.to_owned(),
        }
    }

    #[test]
    fn the_written_config_passes_the_check_without_warnings() {
        let urls = [
            "http://127.0.0.1:8000/health",
            "https://api.example/a?b=${c}&d=\"e\"#f",
            "localhost:8000",
            "api.example",
            "tcp://db.internal:5432",
            "tcp://[::1]:5432",
            "wss://chat.example/ws?room=1",
        ];
        let spans = [("500ms", "1s"), ("5s", "10s"), ("20s", "30s")];
        let urls = urls.map(|url| (url, "500ms", "10s"));
        let spans = spans.map(|(latency, interval)| ("api.example", latency, interval));
        for (url, latency, interval) in urls.into_iter().chain(spans) {
            let text = answers(url, latency, interval)
                .to_yaml()
                .expect("a timeout");
            let checked = check(Path::new("slod.yaml"), &text);
            assert_eq!(checked, Ok(Vec::new()), "{url}\n{text}");
        }
    }

    #[test]
    fn metrics_need_no_probe() {
        let metrics = endpoint("http://shop:8000").expect("valid");
        let service = |probed| NewService {
            name: "shop".to_owned(),
            probed,
            metrics: Some(metrics.clone()),
        };
        let probed = target("shop:8000").expect("valid");
        for service in [service(None), service(Some(probed))] {
            let has_probe = service.probed.is_some();
            let answers = Answers {
                services: vec![service],
                ..answers("shop", "500ms", "10s")
            };
            let text = answers.to_yaml().expect("a timeout");
            assert_eq!(text.contains("probes:"), has_probe, "{text}");
            assert_eq!(text.contains("sli: availability"), has_probe, "{text}");
            assert!(text.contains("metrics: { url: \"http://shop:8000/metrics\" }"));
            let checked = check(Path::new("slod.yaml"), &text);
            assert_eq!(checked, Ok(Vec::new()), "{text}");
        }
    }

    #[test]
    fn a_rare_probe_gets_a_config_with_warnings_and_a_latency_needs_a_longer_interval() {
        let text = answers("api.example", "500ms", "1h")
            .to_yaml()
            .expect("a timeout");
        let warnings = check(Path::new("slod.yaml"), &text).expect("no error");
        assert!(!warnings.is_empty());
        assert_eq!(
            answers("api.example", "2s", "1s").to_yaml(),
            Err("a latency of 2s can only be measured with a longer interval, and the interval is 1s".to_owned())
        );
    }
}
