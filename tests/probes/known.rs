//! Verdicts on services with known limits, under real load: requests wait in a single queue for one
//! of several workers. One second of a run represents ten, so that the tests are short.

use crate::load::http;
use crate::server::tcp;
use slod::load::{Answer, Limit, LoadWindow, Model, RunRecord, SLOD, Scenario, Stage, statements};
use slod::outcome::Timestamp;
use slod::stats::quantile::Histogram;
use slod::stats::scale::Scale;
use slod_load::{Engine, Mix, Plan, Sequence};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// Seconds of the plan that one second of the test represents.
const FASTER: u32 = 10;

/// When each worker becomes free. A request is assigned on arrival, so that a late timer does not
/// delay the requests after it.
type Workers = Arc<Mutex<Vec<Instant>>>;

async fn service(workers: usize, takes: Duration) -> SocketAddr {
    let free: Workers = Arc::new(Mutex::new(vec![Instant::now(); workers]));
    tcp(move |stream| serve(stream, free.clone(), takes / FASTER)).await
}

async fn serve(stream: TcpStream, free: Workers, takes: Duration) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream
        .read_line(&mut line)
        .await
        .is_ok_and(|count| count > 0)
    {
        if line == "\r\n" {
            let end = {
                let mut free = free.lock().expect("no panic");
                let first = free.iter_mut().min().expect("a worker");
                *first = Instant::now().max(*first) + takes;
                *first
            };
            sleep_until(end).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// Levels, with the seconds from one to the next.
fn stages(levels: &[(f64, f64, u64)]) -> Vec<Stage> {
    let stages = levels
        .iter()
        .map(|(from, to, seconds)| Stage::new("", *from, *to, Duration::from_secs(*seconds)));
    stages.collect()
}

/// Runs the plan ten times as fast, and returns what a run at normal speed would have measured.
async fn run(address: SocketAddr, scenario: Scenario) -> RunRecord {
    // One at a time, because the tests measure durations.
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = TURN.lock().await;
    let load_target = http(&format!("{{ url: \"http://{address}/\" }}"), Path::new(""));
    let steps = vec![load_target.request().expect("can be sent")];
    let timeout = Duration::from_secs(30);
    let mut fast = scenario.clone();
    for stage in &mut fast.stages {
        stage.length /= FASTER;
    }
    if let Model::Closed { think } = &mut fast.model {
        *think /= FASTER;
    }
    let plan = Plan {
        scenario: fast,
        mix: Arc::new(Mix::new(vec![Sequence { steps, weight: 1 }]).expect("one")),
        rows: None,
        cookies: None,
        connect: load_target.connector(timeout),
        timeout,
        keep_alive: true,
        in_flight_max: 10_000,
        threads: 2,
        seed: 1,
        examples: Arc::default(),
    };
    let mut engine = Engine::start(plan).expect("starts");
    while engine.next(|| None).await.is_some() {}
    let windows = engine.finish().windows;
    RunRecord {
        to: Timestamp(0).after(scenario.length()),
        windows: windows.iter().map(slower).collect(),
        ..RunRecord::begun("web", scenario, SLOD, Timestamp(0))
    }
}

fn slower(window: &LoadWindow) -> LoadWindow {
    let scale = Scale::new([]);
    let mut latency = Histogram::default();
    for (code, count) in window.latency.iter() {
        latency.add(scale.code(scale.middle(code) * FASTER), count);
    }
    LoadWindow {
        start: window.start * FASTER,
        length: window.length * FASTER,
        latency,
        // The machine may be busy: requests count from the time they were due.
        lag: Duration::ZERO,
        ..window.clone()
    }
}

fn answer(run: &RunRecord, topic: &str) -> (Answer, String) {
    // A pause of a busy machine appears ten times as long.
    let limit = Limit {
        quantile: 0.95,
        below: Duration::from_secs(2),
    };
    let mut all = statements(run, Some(limit)).into_iter();
    let found = all.find(|one| one.topic == topic);
    let found = found.unwrap_or_else(|| panic!("{topic}: {run:?}"));
    (found.answer, found.evidence)
}

/// The number after a text.
fn number(text: &str, before: &str) -> f64 {
    let behind = text.split_once(before).map_or("", |(_, behind)| behind);
    let end = behind.find(|c: char| !c.is_ascii_digit() && c != '.');
    let number = behind[..end.unwrap_or(behind.len())].parse();
    number.unwrap_or_else(|_| panic!("no number behind {before:?}: {text}"))
}

fn users(levels: &[(f64, f64, u64)]) -> Scenario {
    Scenario {
        name: "users".to_owned(),
        purpose: String::new(),
        model: Model::Closed {
            think: Duration::from_secs(1),
        },
        stages: stages(levels),
    }
}

/// 4 workers that take 50 ms serve 80 requests per second. With a think time of 1 s, the knee is at
/// (50 ms + 1 s) x 80/s = 84 users, and N users wait N / (80/s) - 1 s, which is 2 s for 240 users.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_have_their_knee_and_their_breaking_point() {
    let address = service(4, Duration::from_millis(50)).await;
    let run = run(address, users(&[(10.0, 400.0, 80)])).await;
    let (found, evidence) = answer(&run, "breaking point");
    assert_eq!(found, Answer::Bad, "{evidence}");
    let users = number(&evidence, "broke between ");
    assert!((180.0..=280.0).contains(&users), "{evidence}");
    let (_, evidence) = answer(&run, "knee");
    let users = number(&evidence, "at about ");
    assert!((70.0..=95.0).contains(&users), "{evidence}");
}

/// With 40 users, there is no waiting time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sufficient_workers_do_not_break() {
    let address = service(4, Duration::from_millis(50)).await;
    let run = run(address, users(&[(5.0, 40.0, 40)])).await;
    let (found, evidence) = answer(&run, "breaking point");
    assert_eq!(found, Answer::Good, "{evidence}");
}
