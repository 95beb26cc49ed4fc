//! Which alerts fire, how they are described, and what is recorded.

use super::{Fixture, SLOS, at};
use slod::alerting::Inputs;
use slod::slo::correction::Correction;

#[test]
fn the_first_failures_of_a_new_service_are_no_alert() {
    let mut fixture = Fixture::new();
    fixture.live(20, false);
    fixture.live(13 * 3600, true);
    assert_eq!(fixture.ended("errors"), []);
    assert_eq!(fixture.ended("uptime"), []);
    // A service that never answers pages once 2% of its budget is spent.
    let mut fixture = Fixture::new();
    fixture.live(3600, false);
    let fired = fixture.ended("errors");
    let since: Vec<_> = fired
        .iter()
        .map(|(tier, since, _)| (*tier, *since))
        .collect();
    assert_eq!(since, [(1, 50), (2, 120), (3, 250), (4, 250)]);
    let spent = fixture.kept("errors")[0].spent;
    assert!(spent > Some(0.02) && spent < Some(0.025), "{spent:?}");
}

#[test]
fn the_notice_of_a_burn_rate_has_a_chart_of_the_errors_over_its_long_window() {
    let mut fixture = Fixture::new();
    fixture.live(2 * 3600, true);
    let chart = loop {
        assert!(fixture.now < 3 * 3600, "an alert fires");
        fixture.probe(false);
        let state = fixture.ledger.advance(at(fixture.now)).view();
        let changes = fixture.alerts.step(&state, &Inputs::default());
        fixture.now += 10;
        if let [notice] = &changes.notices[..] {
            assert_eq!(notice.label("tier"), Some("1"));
            break notice.annotations["chart"].clone();
        }
    };
    // The failures are within the last two minutes.
    assert_eq!(chart, format!("{}█ over 60m", "▁".repeat(29)));
}

#[test]
fn planned_maintenance_prevents_alerts_and_a_late_one_resolves_them() {
    let mut fixture = Fixture::new();
    let (from, to) = (at(3600), at(3600 + 900));
    fixture.corrections.push(Correction {
        id: "1".into(),
        slos: vec!["errors".into()],
        author: "test".into(),
        ..Correction::once(from, to, "a deploy")
    });
    fixture.reload(SLOS);
    fixture.live(3600, true);
    fixture.live(900, false);
    assert_eq!(fixture.ended("errors"), []);
    let fired = fixture.firing("uptime");
    assert!(!fired.is_empty());
    // After the correction, no condition is met: alerts end a short window after their condition was
    // last met.
    fixture.corrections[0].slos.clear();
    fixture.reload(SLOS);
    assert_eq!(fixture.firing("uptime"), fired);
    let held = fixture.now - 10;
    fixture.live(600, true);
    assert_eq!(fixture.ended("uptime")[0].2, Some(held + 300));
}

#[test]
fn old_alerts_are_deleted_and_periods_list_their_alerts() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    fixture.live(300, false);
    let since = fixture.firing("errors").iter().map(|one| one.1).min();
    let since = since.expect("it fires");
    fixture.live(3600, true);
    let count = |from, to| {
        fixture
            .store
            .alerts(at(from), at(to), 1000)
            .expect("readable")
            .len()
    };
    assert_eq!(count(0, since), 0);
    assert!(count(since, since + 1) > 0);
    assert_eq!(
        fixture
            .store
            .alerts(at(0), at(fixture.now), 1)
            .expect("readable")
            .len(),
        1
    );
    let (all, over) = (fixture.kept("errors").len(), fixture.ended("errors"));
    let over = over.iter().filter(|one| one.2.is_some()).count();
    assert!(over > 0 && over < all, "{over} of {all}");
    fixture
        .store
        .expire_alerts(at(fixture.now))
        .expect("deleted");
    assert_eq!(
        fixture.kept("errors").len(),
        all - over,
        "what fires is never deleted"
    );
}
