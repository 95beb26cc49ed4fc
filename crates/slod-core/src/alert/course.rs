//! Of which alerts of a past people would have been notified: what kept the others back.

use super::explain::Paging;
use super::record::{AlertRecord, Inhibitor};
use super::rules::AlertRules;
use super::state::Firing;
use crate::outcome::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// An alert that fired in a past, with what decides whether another one explains it.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    pub alert: AlertRecord,
    /// When events of its objective were bad, as far as it fired then.
    bad: Runs,
    /// When its condition was met as well.
    failing: Runs,
    /// When the faster tier that inhibits it was over and it fired on.
    released: Option<Timestamp>,
}

/// Moments at which something held, as the first and the last of each uninterrupted run.
#[derive(Clone, Debug, Default, PartialEq)]
struct Runs(Vec<(Timestamp, Timestamp)>);

/// Moments that follow each other so closely are one run.
const STEP_MS: i64 = super::replay::STEP_MS;

impl Runs {
    /// Moments are added in their order.
    fn add(&mut self, at: Timestamp) {
        match self.0.last_mut() {
            Some((_, last)) if at.0 - last.0 <= STEP_MS => *last = at,
            _ => self.0.push((at, at)),
        }
    }

    /// The last one up to a moment.
    fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let begun = self.0.partition_point(|(from, _)| *from <= now);
        let (_, to) = self.0[..begun].last()?;
        Some(now.min(*to))
    }

    /// The first one after a moment.
    fn after(&self, now: Timestamp) -> Option<Timestamp> {
        let next = Timestamp(now.0 + STEP_MS);
        let over = self.0.partition_point(|(_, to)| *to < next);
        self.0.get(over).map(|(from, _)| next.max(*from))
    }
}

impl Course {
    pub(super) fn new(alert: AlertRecord) -> Self {
        Self {
            alert,
            bad: Runs::default(),
            failing: Runs::default(),
            released: None,
        }
    }

    /// Takes how it fires at a moment.
    pub(super) fn take(&mut self, firing: &Firing<'_>, now: Timestamp) {
        self.bad.add(firing.bad);
        if firing.bad == now && firing.held == now {
            self.failing.add(now);
        }
        if self.alert.is_inhibited() && !firing.alert.is_inhibited() {
            self.released.get_or_insert(now);
        }
    }

    pub(super) fn end(&mut self, ended: AlertRecord) {
        self.alert = AlertRecord {
            inhibited_by: self.alert.inhibited_by.take(),
            ..ended
        };
    }

    /// When no faster tier inhibits it any more.
    fn opens(&self) -> Option<Timestamp> {
        match self.alert.inhibited_by {
            None => Some(self.alert.from),
            Some(_) => self.released,
        }
    }

    fn fires_at(&self, now: Timestamp) -> bool {
        self.alert.to.is_none_or(|to| now < to)
    }

    fn at(&mut self, now: Timestamp) -> Firing<'_> {
        let known = |runs: &Runs| runs.until(now).unwrap_or_default();
        Firing {
            held: known(&self.failing),
            bad: known(&self.bad),
            alert: &mut self.alert,
        }
    }
}

/// Decides as the daemon does which of these alerts others explain. Those of which people would have been
/// notified are so and are inhibited by nothing.
pub fn decide(courses: &mut [Course], rules: &AlertRules) {
    let mut all: Vec<&mut Course> = courses.iter_mut().collect();
    all.sort_by(|one, two| {
        let order = |course: &Course| (course.alert.key.clone(), course.alert.from);
        order(one).cmp(&order(two))
    });
    let mut begins: BTreeMap<Timestamp, Vec<usize>> = BTreeMap::new();
    let mut due: BTreeMap<Timestamp, BTreeSet<usize>> = BTreeMap::new();
    for (place, course) in all.iter().enumerate() {
        begins.entry(course.alert.from).or_default().push(place);
        if let Some(at) = course.opens() {
            due.entry(at).or_default().insert(place);
        }
    }
    let mut firing: Vec<usize> = Vec::new();
    while let Some((now, open)) = due.pop_first() {
        while let Some(begun) = begins.first_entry().filter(|begun| *begun.key() <= now) {
            firing.extend(begun.remove());
        }
        firing.retain(|place| all[*place].fires_at(now));
        let mut paging = Paging::default();
        for place in &firing {
            paging.add_firing(&all[*place].at(now));
        }
        for place in open.into_iter().filter(|place| firing.contains(place)) {
            let course = &mut *all[place];
            let is_of_tier = matches!(course.alert.inhibited_by, Some(Inhibitor::Tier(_)));
            if is_of_tier {
                course.alert.inhibited_by = None;
            }
            rules.explain(&mut course.at(now), &mut paging, now);
            course.alert.notified = !course.alert.is_inhibited();
            let again = course.failing.after(now);
            if let Some(again) = again.filter(|_| !course.alert.notified) {
                due.entry(again).or_default().insert(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertKey, Condition, TIERS, Urgency, all_below};
    use std::sync::Arc;

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    /// A page of the fastest tier for a service, whose requests fail between these moments.
    fn page(service: &str, from: i64, to: i64) -> Course {
        let condition = Condition::Tier(TIERS[0]);
        let key = AlertKey::budget(service.into(), "errors".into(), condition);
        let mut course = Course::new(AlertRecord::new(key, "A", Urgency::Page, at(from), ""));
        let mut alert = course.alert.clone();
        for second in (from..to).step_by(10) {
            let (held, bad) = (at(second), at(second));
            let alert = &mut alert;
            course.take(&Firing { held, bad, alert }, at(second));
        }
        course.end(AlertRecord {
            to: Some(at(to + 300)),
            ..alert
        });
        course
    }

    fn decided(mut courses: Vec<Course>) -> Vec<Option<String>> {
        let below: Vec<Arc<str>> = vec!["db".into()];
        let rules = AlertRules {
            depends_on: all_below(&[("web".into(), below)].into()),
            ..AlertRules::default()
        };
        decide(&mut courses, &rules);
        let words = courses.iter().map(|one| {
            assert_ne!(one.alert.notified, one.alert.is_inhibited());
            one.alert.inhibited_by.as_ref().map(Inhibitor::words)
        });
        words.collect()
    }

    #[test]
    fn a_page_of_a_dependency_explains_those_above_it() {
        let explained = Some("service db".to_owned());
        let both = vec![page("web", 1010, 1500), page("db", 1000, 1500)];
        assert_eq!(decided(both), [explained, None]);
        let before = vec![page("web", 1010, 1500), page("db", 1020, 1500)];
        assert_eq!(decided(before), [None, None]);
    }

    #[test]
    fn what_fails_on_for_long_after_its_dependency_is_back_is_notified() {
        let (db, short) = (page("db", 1000, 1500), page("web", 1010, 1790));
        assert_eq!(
            decided(vec![short, db.clone()])[0].as_deref(),
            Some("service db")
        );
        assert_eq!(decided(vec![page("web", 1010, 2000), db]), [None, None]);
    }

    #[test]
    fn what_a_faster_tier_inhibits_is_explained_by_others_once_that_is_over() {
        let mut slower = page("web", 1010, 2000);
        slower.alert.inhibited_by = Some(Inhibitor::Tier(1));
        assert_eq!(decided(vec![slower.clone()]), [Some("tier 1".to_owned())]);
        slower.released = Some(at(1200));
        let db = page("db", 1000, 2200);
        assert_eq!(
            decided(vec![slower.clone(), db])[0].as_deref(),
            Some("service db")
        );
        assert_eq!(decided(vec![slower]), [None]);
    }

    #[test]
    fn runs_know_what_was_before_and_after() {
        let mut runs = Runs::default();
        for second in [100, 110, 120, 200] {
            runs.add(at(second));
        }
        assert_eq!(runs.0, [(at(100), at(120)), (at(200), at(200))]);
        let found = [90, 115, 150, 300].map(|second| runs.until(at(second)));
        assert_eq!(found, [None, Some(at(115)), Some(at(120)), Some(at(200))]);
        let found = [80, 100, 120, 200].map(|second| runs.after(at(second)));
        assert_eq!(found, [Some(at(100)), Some(at(110)), Some(at(200)), None]);
    }
}
