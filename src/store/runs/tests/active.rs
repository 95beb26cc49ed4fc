//! Runs that are stored in parts while they are active.

use super::*;
use crate::store::Tick;

fn tick(whole: &RunRecord, number: usize) -> Tick {
    let of = |one: &ObservedSeries| {
        (
            Arc::new(one.key.clone()),
            one.kind,
            one.samples[number].value,
        )
    };
    Tick {
        at: whole.observed[0].samples[number].at,
        samples: whole.observed.iter().map(of).collect(),
    }
}

fn parts(store: &Store) -> i64 {
    let sql = "SELECT count(*) FROM run_part";
    store
        .conn
        .query_row(sql, [], |row| row.get(0))
        .expect("reads")
}

#[test]
fn an_active_run_is_read_up_to_its_last_part() {
    let (_folder, mut store) = Store::temporary();
    let whole = run("rag", 100);
    let plan = RunRecord {
        to: whole.from,
        ending: Ending::Interrupted,
        windows: Vec::new(),
        requests: Vec::new(),
        examples: Vec::new(),
        observed: Vec::new(),
        ..whole.clone()
    };
    let id = store.begin_run(&plan).expect("begins");
    let open = OpenRuns::default();
    let read = |store: &Store| {
        let read = store.run(id).expect("reads").expect("there");
        let again = open.read(store, id).expect("reads").expect("there");
        assert_eq!(again, read);
        read
    };
    assert_eq!(read(&store).1, plan);
    for number in 0..2 {
        let part = RunPart {
            windows: vec![whole.windows[number].clone()],
            ticks: vec![tick(&whole, number)],
            // It is set in one part only.
            lack: whole.lack.clone().filter(|_| number == 0),
            examples: whole.examples.iter().skip(number).cloned().collect(),
        };
        let now = whole.from.after(Duration::from_secs(5));
        assert!(store.continue_run(id, &part, now).expect("continues"));
        let so_far = read(&store).1;
        assert_eq!(so_far.windows, whole.windows[..=number]);
        let remarks = (&so_far.lack, &so_far.examples);
        let expected = (&whole.lack, &whole.examples);
        assert_eq!(remarks, expected, "a killed run has them too");
    }
    let (head, so_far) = read(&store);
    assert_eq!(
        (so_far.windows, so_far.observed),
        (whole.windows.clone(), whole.observed.clone())
    );
    assert_eq!(so_far.ending, Ending::Interrupted);
    assert_eq!(head.state(head.to.after(SILENT_MAX)), RunState::Running);
    let later = head.to.after(SILENT_MAX + Duration::from_millis(1));
    assert_eq!(head.state(later), RunState::Interrupted);
    let whole = RunRecord {
        ending: Ending::Failed {
            why: "k6 ended with exit code 107".to_owned(),
        },
        ..whole
    };
    assert_eq!(store.end_run(id, &whole).expect("ends"), id);
    let (head, read) = read(&store);
    assert_eq!((head.state(later), read), (RunState::Ended, whole));
    assert_eq!(parts(&store), 0);
}

#[test]
fn only_new_parts_of_a_run_are_read() {
    let (_folder, mut store) = Store::temporary();
    let whole = run("rag", 100);
    let begin = |store: &mut Store, from: i64| {
        let plan = RunRecord {
            windows: Vec::new(),
            ..run("rag", from)
        };
        store.begin_run(&plan).expect("begins")
    };
    let continues = |store: &mut Store, id, number: usize| {
        let part = RunPart {
            windows: vec![whole.windows[number].clone()],
            ticks: vec![tick(&whole, number)],
            ..RunPart::default()
        };
        assert!(store.continue_run(id, &part, whole.to).expect("continues"));
    };
    let id = begin(&mut store, 100);
    let open = OpenRuns::default();
    let read = |store: &Store, id| {
        let read = open.read(store, id).expect("reads");
        read.expect("there").1.windows.len()
    };
    continues(&mut store, id, 0);
    assert_eq!(read(&store, id), 1);
    // Parts that were read before are not read again.
    let sql = "UPDATE run_part SET part = x'00'";
    store.conn.execute(sql, []).expect("damages");
    continues(&mut store, id, 1);
    assert_eq!(read(&store, id), 2);
    open.retain(&[]);
    assert_eq!(read(&store, id), 1);
    // Another run with the same id, and more runs than the cache holds.
    store.delete_run(id).expect("deletes");
    let again = begin(&mut store, 200);
    assert_eq!(read(&store, again), 0);
    for _ in 0..3 {
        let more = begin(&mut store, 300);
        continues(&mut store, more, 0);
        assert_eq!(read(&store, more), 1);
    }
    assert_eq!(read(&store, again), 0);
}

#[test]
fn a_run_deleted_while_active_is_stored_at_its_end() {
    let (_folder, mut store) = Store::temporary();
    let whole = run("rag", 100);
    let id = store.begin_run(&whole).expect("begins");
    let part = RunPart::default();
    assert!(store.continue_run(id, &part, whole.to).expect("continues"));
    assert_eq!(parts(&store), 1);
    assert!(store.delete_run(id).expect("deletes"));
    assert_eq!(parts(&store), 0);
    assert!(!store.continue_run(id, &part, whole.to).expect("is gone"));
    let again = store.end_run(id, &whole).expect("ends");
    assert_ne!(again, id);
    assert_eq!(ids(&store), [again]);
}

#[test]
fn a_damaged_part_is_skipped_without_a_panic() {
    let (_folder, mut store) = Store::temporary();
    let whole = run("rag", 100);
    let id = store.begin_run(&whole).expect("begins");
    let part = RunPart {
        windows: whole.windows.clone(),
        ticks: vec![tick(&whole, 0), tick(&whole, 1)],
        lack: None,
        examples: whole.examples.clone(),
    };
    let packed = part::pack(&part).expect("packs");
    store.continue_run(id, &part, whole.to).expect("continues");
    for cut in 0..packed.len() {
        let sql = "UPDATE run_part SET part = ?1";
        store.conn.execute(sql, [&packed[..cut]]).expect("set");
        let (_, read) = store.run(id).expect("reads").expect("there");
        assert_eq!(
            (read.windows, read.observed),
            (whole.windows.clone(), Vec::new())
        );
    }
}
