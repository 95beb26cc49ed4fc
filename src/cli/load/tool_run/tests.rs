use super::*;
use crate::cli::load::tool_secrets::ToolSecrets;
use crate::load::{Model, Scenario, Stage};
use tokio::process::Command;

const LENGTH: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Follows a shell script as k6, from its first line of output on. The clock is paused, but the script runs in
/// real time.
fn started(script: &str) -> ToolRun {
    let stage = Stage::new("steady", 1.0, 1.0, LENGTH);
    let scenario = Scenario {
        name: "steady".to_owned(),
        purpose: String::new(),
        model: Model::Open { poisson: false },
        stages: vec![stage],
    };
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let command = LoadCommand::spawn("k6".to_owned(), &mut command).expect("starts");
    let log = ToolLog::new(None, ToolSecrets::default()).expect("has no file");
    let folder = tempfile::tempdir().expect("a folder");
    let plan = ToolPlan::stand_in(scenario, TIMEOUT);
    let run = ToolRun::follow(plan, command, log, folder).expect("is read");
    let is_silent = |run: &ToolRun| {
        run.output.log().ending().is_empty() && run.output.follower().began().is_none()
    };
    while is_silent(&run) {
        std::thread::sleep(Duration::from_millis(1));
    }
    run
}

/// How long the run stays in its state.
async fn leaves(run: &mut ToolRun, state: State) -> Duration {
    let (since, mut looks) = (Instant::now(), interval(LOOK));
    while run.state == state {
        run.step(&mut looks).await;
    }
    since.elapsed()
}

fn assert_about(took: Duration, limit: Duration) {
    let latest = limit + Duration::from_millis(10);
    assert!((limit..latest).contains(&took), "{took:?} of {limit:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_generates_no_load_is_stopped() {
    let mut run = started("echo waiting; exec sleep 600");
    assert_about(leaves(&mut run, State::Starting).await, STARTING);
    let error = run.began().await.expect_err("no load");
    let expected = "k6 did nothing for 120 s before it generated any load: waiting";
    assert_eq!(error, expected);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_exceeds_its_plan_is_stopped() {
    let began = r#"{"metric":"slod_began","type":"Point","data":{"time":"2026-09-21T12:13:18Z","value":1}}"#;
    let mut run = started(&format!("echo '{began}'; exec sleep 600"));
    run.began().await.expect("has begun");
    let took = leaves(&mut run, State::Running).await;
    assert_about(took, LENGTH + TIMEOUT + OVERDUE);
    while run.next().await.is_some() {}
    let failure = run.finish().failure.expect("a failure");
    let expected = "k6 was still running 65 s after the end of its plan";
    assert_eq!(failure, expected);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_does_not_exit_is_killed() {
    let mut run = started("trap '' INT; echo ready; while :; do sleep 1; done");
    run.stop();
    let (since, mut looks) = (Instant::now(), interval(LOOK));
    while run.deadline.is_some() {
        run.step(&mut looks).await;
    }
    assert_about(since.elapsed(), TIMEOUT + PATIENCE);
    while run.next().await.is_some() {}
    let failure = run.finish().failure.expect("a failure");
    assert_eq!(failure, "k6 was killed by signal 9: ready");
}
