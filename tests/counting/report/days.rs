//! Days before the start of live state: equal to live state where both exist, and their sum matches a
//! report.

use super::month::{DAY, DAYS, at, config, objective, reported, store};
use slod::ledger::snapshot::DayView;
use slod::ledger::{LONG_DAYS, RestoreFrom, in_force, long_days, restore};
use slod::store::Store;

#[test]
fn ninety_days_continue_the_thirty() {
    let (config, now) = (config(), at((DAYS + 10) * DAY + 4321));
    let store = Store::open_read_only(store()).expect("readable");
    let corrections = in_force(&config, &store).expect("readable");
    let live = restore(RestoreFrom::new(&config, &corrections, Some(&store), now));
    let live = live.expect("readable").advance(now).snapshot();
    let (_, month) = reported(0, DAYS * DAY);
    for service in &live.services {
        let days = long_days(&config, &service.name, &corrections, &store, now).expect("readable");
        assert_eq!(days.len(), LONG_DAYS);
        let recent = &days[LONG_DAYS - service.days.len()..];
        assert_eq!(recent, service.days, "{}", service.name);
        let first = &service.objectives[0].objective;
        let events = |count: fn(&DayView) -> u64| {
            let sum = days.iter().map(count).sum();
            first.budgeting.events(sum)
        };
        let known = objective(&month, &service.name, &first.name);
        // A minute without outcomes counts as bad from the first outcome on, also after the month.
        if service.name.as_ref() != "gateway" {
            let counted = (events(|day| day.good), events(|day| day.bad));
            assert_eq!(
                counted,
                (known.good_events, known.bad_events),
                "{}",
                service.name
            );
        }
        // One service is younger than the days of live state.
        let mut before = days.iter().take(LONG_DAYS - service.days.len());
        let is_old = service.name.as_ref() != "late";
        assert_eq!(before.any(|day| day.good > 0), is_old, "{}", service.name);
    }
    let nobody = long_days(&config, "nobody", &corrections, &store, now).expect("readable");
    assert!(nobody.is_empty());
}
