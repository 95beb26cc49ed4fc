use super::*;
use crate::alert::{AlertKey, AlertRecord, Condition, TIERS, Urgency};
use crate::alerting::Inputs;
use crate::outcome::{Outcome, Record, Verdict};
use crate::sample::{SeriesKey, SeriesKind};
use crate::store::{Store, Tick};
use crate::tasks::blocking;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

fn config(store: &Path) -> Config {
    let text = format!(
        "listen: 127.0.0.1:0\nstore: {{ path: '{}' }}\nobserve: {{ host: false }}\n\
         services: [ {{ name: web, probes: [ {{ name: get, http: {{ url: 'http://127.0.0.1:1/' }} }} ], \
         objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 30d }} ] }} ]\n",
        store.display()
    );
    text.parse().expect("a valid config")
}

/// An outcome of the probe.
fn outcome(config: &Config, ago: Duration) -> Record {
    Record {
        key: config.services[0].probes[0].key.clone(),
        at: Clock::system().now().before(ago),
        interval: Duration::from_secs(10),
        outcome: Outcome::new(Verdict::Good, Duration::from_millis(20)),
    }
}

async fn built(config: Config) -> Result<App, StartError> {
    let origin = Origin::File(PathBuf::new());
    App::build(config, None, origin, Clock::system()).await
}

/// A process that starts while a service still fails must not send that its alert was resolved, and the next one.
#[tokio::test]
async fn time_in_which_slod_does_not_run_resolves_no_alert() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let config = config(&path);
    let last = outcome(&config, Duration::from_mins(20));
    let key = AlertKey::budget("web".into(), "errors".into(), Condition::Tier(TIERS[0]));
    let alert = AlertRecord::new(key, "SlodBudgetBurnPage1h", Urgency::Page, last.at, "");
    let mut store = Store::open(&path).expect("a store");
    store
        .append(std::slice::from_ref(&last))
        .expect("committed");
    store.keep_alerts(&[alert], &[]).expect("committed");
    // Its probe was not due again, and it was still sampled.
    let sampled = last.at.after(Duration::from_mins(10));
    let key = Arc::new(SeriesKey::new("up", [("service", "web")]));
    let tick = Tick {
        at: sampled,
        samples: vec![(key, SeriesKind::Gauge, 1.0)],
    };
    store.append_samples(&[tick]).expect("committed");
    drop(store);
    let mut app = built(config).await.expect("builds");
    let gaps = Store::open_read_only(&path).expect("opens");
    let gaps = gaps.gaps(last.at, Clock::system().now()).expect("readable");
    let begins: Vec<_> = gaps.iter().map(|(from, _)| from).collect();
    assert_eq!(begins, [sampled]);
    let inputs = Inputs {
        rules: app.config.alerts.clone(),
        ..Inputs::default()
    };
    let start = Clock::system().now();
    let mut ends = (0..12).filter_map(|step| {
        let view = app
            .ledger
            .advance(start.after(Duration::from_secs(step * 30)))
            .view();
        let changes = app.alerts.step(&view, &inputs).records;
        changes.iter().find_map(|one| one.to)
    });
    let (first, rest) = (ends.next().expect("it ends"), ends.count());
    let after = first.since(start);
    assert!(
        (Duration::from_mins(4)..Duration::from_mins(6)).contains(&after),
        "{after:?}"
    );
    assert_eq!(rest, 0);
}

/// Another process holds the lock while slod starts: finished hours are compacted later.
#[tokio::test]
async fn slod_starts_while_its_store_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let config = config(&path);
    let record = outcome(&config, Duration::from_hours(2));
    let mut store = Store::open(&path).expect("a store");
    store
        .append(std::slice::from_ref(&record))
        .expect("committed");
    drop(store);
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    let app = built(config).await.expect("the store can be read");
    assert_eq!(app.used_until, Some(record.at));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_writer_thread_ends_the_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(&folder.path().join("slod.db"));
    let app = built(config).await.expect("builds");
    let store = app.writer.handle();
    let running = tokio::spawn(app.run(CancellationToken::new()));
    let ask = move || store.ask(Duration::from_secs(10), |_| -> u8 { panic!("a test") });
    assert_eq!(blocking(ask).await.expect("runs"), None);
    let ended = running.await.expect("it ends");
    assert!(matches!(ended, Err(RunError::Ended(STORE))), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn tasks_and_disks_that_hang_are_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = built(config(&folder.path().join("slod.db"))).await;
    let writer = app.expect("builds").writer;
    let hanging = || {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("a test", std::future::pending());
        tasks
    };
    // The time of the disk is not paused.
    let (release, held) = mpsc::channel::<()>();
    let (begin, has_begun) = mpsc::channel();
    let store = writer.handle();
    let job = move |_: &mut Store| {
        let _ = begin.send(());
        let _ = held.recv();
    };
    let disk = thread::spawn(move || store.ask(Duration::from_mins(1), job));
    has_begun.recv().expect("the disk hangs");
    let asked = Instant::now();
    let end = asked + DRAIN + Duration::from_millis(100);
    let ended = shut_down(hanging(), writer, None, end).await;
    assert!(matches!(ended, Err(RunError::Unwritten(_))), "{ended:?}");
    assert_eq!(asked.elapsed().as_secs(), DRAIN.as_secs());
    drop(release);
    disk.join().expect("ends");

    let app = built(config(&folder.path().join("other.db"))).await;
    let writer = app.expect("builds").writer;
    let asked = Instant::now();
    let ended = shut_down(hanging(), writer, None, asked + STOP).await;
    let Err(RunError::Stuck(names)) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(
        (&*names, asked.elapsed().as_secs()),
        ("a test", DRAIN.as_secs())
    );
}
