//! Runs on real sockets against services with known behavior.

mod counted;
mod endings;
mod panics;
mod sequences;
mod server;

use crate::{
    Connect, ConnectError, Engine, Finished, Mix, OpenConnection, Plan, Protocol, Request,
    Sequence, Templated,
};
use async_trait::async_trait;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Uri};
use server::{Service, fifo, serve};
use slod_core::load::{LoadWindow, Model, Scenario, Stage};
use slod_core::outcome::Cause;
use slod_core::stats::scale::Scale;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

struct To(SocketAddr);

#[async_trait]
impl Connect for To {
    async fn connect(&self) -> Result<OpenConnection, ConnectError> {
        let stream = TcpStream::connect(self.0).await;
        let stream =
            stream.map_err(|error| ConnectError::Failed(Cause::Refused, error.to_string()))?;
        let _ = stream.set_nodelay(true);
        Ok(OpenConnection {
            stream: Box::new(stream),
            protocol: Protocol::Http1,
        })
    }
}

pub fn request(path: &'static str) -> Request {
    let host = HeaderValue::from_static("localhost");
    Request {
        name: path.to_owned(),
        think: None,
        method: Method::GET,
        uri: Templated::Fixed(Uri::from_static(path)),
        headers: HeaderMap::from_iter([(HOST, host)]),
        templated_headers: Vec::new(),
        credentials: None,
        body: Templated::Fixed(bytes::Bytes::new()),
        statuses: vec![200..=299],
        conditions: None,
        captures: Vec::new(),
        watch: None,
    }
}

fn alone(request: Request, weight: u32) -> Sequence {
    let steps = vec![request];
    Sequence { steps, weight }
}

fn plan(address: SocketAddr, model: Model, stages: &[(f64, f64, u64)]) -> Plan {
    let stage =
        |(from, to, ms): &(f64, f64, u64)| Stage::new("", *from, *to, Duration::from_millis(*ms));
    Plan {
        scenario: Scenario {
            name: "test".into(),
            purpose: String::new(),
            model,
            stages: stages.iter().map(stage).collect(),
        },
        mix: Arc::new(Mix::new(vec![alone(request("/"), 1)]).expect("one")),
        rows: None,
        cookies: None,
        connect: Arc::new(To(address)),
        timeout: Duration::from_secs(5),
        keep_alive: true,
        in_flight_max: 10_000,
        threads: 2,
        seed: 1,
        examples: Arc::default(),
    }
}

async fn run(plan: Plan) -> Vec<LoadWindow> {
    finished(plan).await.windows
}

async fn finished(plan: Plan) -> Finished {
    let mut engine = Engine::start(plan).expect("threads");
    while engine.next(|| None).await.is_some() {}
    engine.finish()
}

fn sum(windows: &[LoadWindow], of: fn(&LoadWindow) -> u64) -> u64 {
    windows.iter().map(of).sum()
}

/// A quantile of the latencies of all requests.
fn quantile(windows: &[LoadWindow], q: f64) -> Duration {
    let all = crate::merged(windows).expect("some");
    let needed = all.completed() as f64 * q;
    let mut seen = 0_u64;
    let mut codes = all.latency.iter();
    let found = codes.find(|(_, count)| {
        seen += count;
        seen as f64 >= needed
    });
    Scale::new([]).middle(found.expect("enough").0)
}

const EVEN: Model = Model::Open { poisson: false };

/// Runs a measurement again that a busy machine disturbed. It returns whether its times are as expected.
async fn undisturbed(measure: impl AsyncFn() -> Result<(), String>) {
    let mut disturbed = Vec::new();
    while let Err(found) = measure().await {
        disturbed.push(found);
        assert!(disturbed.len() < 5, "{disturbed:#?}");
    }
}

/// The measured values as an error if one of them is not in its range.
fn in_ranges(values: &[(f64, Range<f64>)]) -> Result<(), String> {
    let are_expected = values.iter().all(|(value, range)| range.contains(value));
    are_expected
        .then_some(())
        .ok_or_else(|| format!("{values:?}"))
}

#[tokio::test]
async fn an_overloaded_queue_shows_its_whole_delay() {
    undisturbed(async || {
        // 60 requests per second are served and 100 arrive: after 2 s, the last one waits for 80 / 60 s.
        let address = serve(fifo(|| Duration::from_secs(1) / 60));
        let windows = run(plan(address, EVEN, &[(100.0, 100.0, 2000)])).await;
        assert_eq!(sum(&windows, |one| one.started), 200);
        assert_eq!(sum(&windows, |one| one.good), 200);
        let longest = quantile(&windows, 1.0).as_secs_f64();
        let median = quantile(&windows, 0.5).as_secs_f64();
        in_ranges(&[(longest, 1.25..1.6), (median, 0.6..0.85)])
    })
    .await;
}

#[tokio::test]
async fn a_stall_delays_all_requests_due_in_it() {
    undisturbed(async || {
        let began = Instant::now();
        let stall = began + Duration::from_millis(800);
        let over = stall + Duration::from_secs(1);
        let service: Service = Arc::new(Mutex::new(move |now: Instant| {
            if (stall..over).contains(&now) {
                over
            } else {
                now
            }
        }));
        let windows = run(plan(serve(service), EVEN, &[(200.0, 200.0, 2500)])).await;
        assert_eq!(sum(&windows, |one| one.good), 500);
        // 200 of 500 were due during the stall; the first of them waited for one second.
        let slow = quantile(&windows, 0.8).as_secs_f64();
        let longest = quantile(&windows, 1.0).as_secs_f64();
        in_ranges(&[(slow, 0.35..0.65), (longest, 0.95..1.3)])
    })
    .await;
}

#[tokio::test]
async fn users_wait_think_and_follow_their_stages() {
    undisturbed(async || {
        let service: Service = Arc::new(Mutex::new(|now: Instant| now + Duration::from_millis(50)));
        let think = Duration::from_millis(50);
        let stages = [(10.0, 10.0, 2000), (2.0, 2.0, 1000)];
        let windows = run(plan(serve(service), Model::Closed { think }, &stages)).await;
        assert_eq!(windows[1].stage, 0);
        assert_eq!(windows[2].stage, 1);
        assert_eq!(sum(&windows, LoadWindow::errors), 0);
        // 10 users make one request each in 100 ms, 2 users a fifth of that.
        let second = |number: usize| (windows[number].good as f64, windows[number].active);
        let [many, few] = [1, 2].map(second);
        let many = [(many.0, 80.0..101.5), (many.1, 9.5..10.1)];
        let few = [(few.0, 15.0..34.5), (few.1, 1.9..3.5)];
        in_ranges(&[many, few].concat())
    })
    .await;
}

#[tokio::test]
async fn failures_have_a_cause_and_cause_no_busy_loop() {
    let service: Service = Arc::new(Mutex::new(|now: Instant| now - Duration::from_millis(1)));
    let think = Duration::ZERO;
    let refusing = plan(serve(service), Model::Closed { think }, &[(2.0, 2.0, 1000)]);
    let windows = run(refusing).await;
    let failed = sum(&windows, LoadWindow::errors);
    assert!((4..=110).contains(&failed), "{failed}");
    assert!(
        windows
            .iter()
            .all(|one| one.failed.iter().all(|(cause, _)| *cause == Cause::Status))
    );

    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let windows = run(plan(nobody, EVEN, &[(20.0, 20.0, 500)])).await;
    assert_eq!(sum(&windows, LoadWindow::errors), 10);
    assert_eq!(windows[0].failed, [(Cause::Refused, 10)]);

    let hanging: Service = Arc::new(Mutex::new(|now: Instant| now + Duration::from_mins(1)));
    let mut slow = plan(serve(hanging), EVEN, &[(50.0, 50.0, 1000)]);
    slow.timeout = Duration::from_millis(300);
    slow.in_flight_max = 8;
    let windows = run(slow).await;
    let (failed, dropped) = (
        sum(&windows, LoadWindow::errors),
        sum(&windows, |one| one.dropped),
    );
    assert_eq!(failed + dropped, 50);
    assert!(dropped > 10, "{dropped}");
}

#[tokio::test]
async fn a_stopped_run_ends_at_once_and_keeps_what_it_measured() {
    let service: Service = Arc::new(Mutex::new(|now: Instant| now + Duration::from_millis(5)));
    let think = Duration::from_secs(30);
    let mut engine = Engine::start(plan(
        serve(service),
        Model::Closed { think },
        &[(4.0, 4.0, 60_000)],
    ))
    .expect("threads");
    let began = Instant::now();
    assert!(engine.next(|| Some(0.25)).await.is_some());
    engine.stop();
    while engine.next(|| None).await.is_some() {}
    let windows = engine.finish().windows;
    assert!(began.elapsed() < think);
    assert_eq!(sum(&windows, |one| one.good), 4);
    assert_eq!(windows[0].generator_cpu, Some(0.25));
}

#[tokio::test]
async fn a_dropped_run_stops() {
    let requests = Arc::new(Mutex::new(0));
    let count = requests.clone();
    let service: Service = Arc::new(Mutex::new(move |now: Instant| {
        *count.lock().expect("no panic") += 1;
        now
    }));
    let counted = || *requests.lock().expect("no panic");
    let mut engine =
        Engine::start(plan(serve(service), EVEN, &[(100.0, 100.0, 60_000)])).expect("threads");
    assert!(engine.next(|| None).await.is_some());
    drop(engine);
    assert!(counted() > 0);
    // Requests in flight arrive later on a busy machine.
    for _ in 0..20 {
        let before = counted();
        tokio::time::sleep(Duration::from_millis(500)).await;
        if counted() == before {
            return;
        }
    }
    panic!("it goes on");
}

/// Users that think for half a minute, after each response or between two steps.
#[tokio::test]
async fn a_run_does_not_wait_for_users_that_think_after_its_end() {
    let service: Service = Arc::new(Mutex::new(|now: Instant| now + Duration::from_millis(5)));
    let address = serve(service);
    let think = Duration::from_secs(30);
    let closed = plan(address, Model::Closed { think }, &[(4.0, 4.0, 500)]);
    let mut open = plan(address, EVEN, &[(20.0, 20.0, 500)]);
    let second = Request {
        think: Some(think),
        ..request("/")
    };
    let steps = vec![request("/"), second];
    open.mix = Arc::new(Mix::new(vec![Sequence { steps, weight: 1 }]).expect("one"));
    for (plan, expected) in [(closed, 4), (open, 10)] {
        let began = Instant::now();
        let windows = run(plan).await;
        assert!(began.elapsed() < think);
        assert_eq!(sum(&windows, |one| one.good), expected);
    }
}

#[tokio::test]
async fn a_random_queue_has_the_theoretical_delay() {
    // M/M/1 with an arrival rate of 200 and a service rate of 400 per second: the time in the system is
    // exponential with a mean of 1 / (400 - 200) = 5 ms, so 99% stay below 23 ms.
    let mut random = fastrand::Rng::with_seed(3);
    let each = move || Duration::from_secs_f64(-(1.0 - random.f64()).ln() / 400.0);
    let model = Model::Open { poisson: true };
    let windows = run(plan(serve(fifo(each)), model, &[(200.0, 200.0, 4000)])).await;
    let p99 = quantile(&windows, 0.99).as_secs_f64();
    assert!((0.012..0.045).contains(&p99), "{p99}");
    let started = sum(&windows, |one| one.started) as f64;
    assert!((started - 800.0).abs() < 4.0 * 800_f64.sqrt(), "{started}");
}
