//! Prometheus as a child process.

use crate::support::{Running, free_port};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Two demos generate a month each before they answer.
const PATIENCE: Duration = Duration::from_mins(5);

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Starts a command without input and output; `None` if it is not installed, except in CI, which
/// guarantees it.
pub fn start(command: &mut Command) -> Option<Running> {
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match spawned {
        Ok(child) => Some(Running(child)),
        Err(error) => {
            let program = command.get_program().display();
            assert!(
                std::env::var_os("CI").is_none(),
                "{program} is needed in CI: {error}"
            );
            eprintln!("not tested, because {program} cannot be started: {error}");
            None
        }
    }
}

/// A real Prometheus, stopped on drop.
pub struct Prometheus {
    _process: Running,
    address: String,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Prometheus {
    /// Starts it with the `prometheus.yml` of a directory, and its data in `tsdb` next to it; `None`
    /// if it is not installed, except in CI, which guarantees it.
    pub fn start(folder: &Path, more: &[&str]) -> Option<Self> {
        Self::start_at(free_port(), folder, more)
    }

    pub fn start_at(port: u16, folder: &Path, more: &[&str]) -> Option<Self> {
        let address = format!("127.0.0.1:{port}");
        let mut arguments = vec![
            format!("--config.file={}", folder.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", folder.join("tsdb").display()),
            format!("--web.listen-address={address}"),
        ];
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let process = start(Command::new("prometheus").args(&arguments))?;
        // reqwest needs a default provider; another test may have set it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Some(Self {
            _process: process,
            address,
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(30))
                .build()
                .expect("a client"),
        })
    }

    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = reqwest::Url::parse_with_params(&format!("http://{}{path}", self.address), query)
            .expect("valid");
        self.runtime
            .block_on(async { self.client.get(url).send().await.ok()?.json().await.ok() })
    }

    /// Number of series that a query returns; an error in the query is a failure.
    pub fn series(&self, query: &str) -> usize {
        let answer = self
            .get("/api/v1/query", &[("query", query)])
            .unwrap_or_default();
        if answer["status"] != "success" {
            assert!(answer.is_null(), "{query}: {answer}");
            return 0;
        }
        answer["data"]["result"].as_array().map_or(0, Vec::len)
    }

    /// The labels of each series that a query returns.
    pub fn labels(&self, query: &str) -> Vec<Value> {
        let answer = self
            .get("/api/v1/query", &[("query", query)])
            .unwrap_or_default();
        let series = answer["data"]["result"].as_array().into_iter().flatten();
        series.map(|one| one["metric"].clone()).collect()
    }

    /// The only value of a query at a time.
    pub fn value(&self, query: &str, at: i64) -> Option<f64> {
        let answer = self
            .get(
                "/api/v1/query",
                &[("query", query), ("time", &at.to_string())],
            )
            .unwrap_or_default();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"][0]["value"][1]
            .as_str()?
            .parse()
            .ok()
    }

    pub fn wait_for(&self, query: &str) {
        let end = Instant::now() + PATIENCE;
        while self.series(query) == 0 {
            assert!(Instant::now() < end, "{query} has no answer");
            sleep(Duration::from_millis(250));
        }
    }
}
