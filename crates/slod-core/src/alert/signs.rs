//! The alerts of warning signs, and of slod's own problems.

use super::Urgency;
use super::record::{AlertKey, AlertRecord, Source};
use super::state::{AlertState, Firing, REMOVED, Timing};
use crate::outcome::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Maximum time an alert lasts while it is unknown whether its sign is present.
const MAX_UNKNOWN: Duration = Duration::from_hours(1);

/// The names of slod's own problems.
pub const STORE_FAILING: &str = "store_failing";
pub const CONFIG_RELOAD_FAILED: &str = "config_reload_failed";
pub const NOTIFICATIONS_FAILING: &str = "notifications_failing";
pub const TROUBLES: &[&str] = &[STORE_FAILING, CONFIG_RELOAD_FAILED, NOTIFICATIONS_FAILING];

/// The state of one sign.
#[derive(Clone, Debug)]
pub struct Sign {
    pub key: AlertKey,
    pub alertname: Arc<str>,
    pub urgency: Urgency,
    /// Whether it is present; `None` if unknown.
    pub is_present: Option<bool>,
    pub evidence: Arc<str>,
    /// A sparkline of the values that it was found in.
    pub chart: Arc<str>,
}

/// When signs become alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct SignTimings {
    /// The timing of all signs, except for the times in `pending`.
    pub default: Timing,
    /// How long signs must be present, by service and sign. The settings of the empty name apply to the
    /// host, and to services without an entry.
    pub pending: BTreeMap<Arc<str>, BTreeMap<&'static str, Duration>>,
}

impl Default for SignTimings {
    fn default() -> Self {
        Self {
            default: Timing {
                pending: Duration::from_mins(2),
                confirmations: 2,
                keep: Duration::from_mins(15),
            },
            pending: BTreeMap::new(),
        }
    }
}

impl SignTimings {
    /// The timing of an alert.
    pub fn of(&self, key: &AlertKey) -> Timing {
        match &key.source {
            Source::Sign { sign, .. } => self.of_sign(&key.service, sign),
            Source::Budget { .. } => self.default,
        }
    }

    /// The timing of the alerts of a service's sign.
    pub fn of_sign(&self, service: &str, sign: &str) -> Timing {
        let of_service = self.pending.get(service).or_else(|| self.pending.get(""));
        let pending = of_service.and_then(|signs| signs.get(sign));
        Timing {
            pending: pending.copied().unwrap_or(self.default.pending),
            ..self.default
        }
    }
}

/// The firing and pending alerts of signs.
#[derive(Clone, Debug, Default)]
pub struct SignAlerts {
    states: BTreeMap<AlertKey, AlertState>,
}

impl SignAlerts {
    /// Continues an alert whose sign was last present at `last_met` or earlier.
    pub fn resume(&mut self, alert: AlertRecord, last_met: Timestamp) {
        let (key, last_met) = (alert.key.clone(), last_met.max(alert.from));
        self.states
            .insert(key, AlertState::firing_since(alert, last_met));
    }

    /// See [`ObjectiveAlerts::resume_after_gap`](super::ObjectiveAlerts::resume_after_gap).
    pub fn resume_after_gap(&mut self, last_met: Timestamp) {
        for alert in std::mem::take(self).firing() {
            self.resume(alert.clone(), last_met);
        }
    }

    /// Ends the alerts of signs that are no longer evaluated.
    pub fn end(&mut self, gone: &[AlertKey], now: Timestamp, changes: &mut Vec<AlertRecord>) {
        let ended = gone.iter().filter_map(|key| self.states.remove(key));
        changes.extend(ended.filter_map(|mut state| state.end(now, REMOVED)));
    }

    /// Applies the current signs. Alerts that began or ended are added to `changes`. The state of an absent
    /// sign is unknown, as after a start: its alert continues for a while.
    pub fn step(
        &mut self,
        signs: &[Sign],
        timing: impl Fn(&AlertKey) -> Timing,
        now: Timestamp,
        changes: &mut Vec<AlertRecord>,
    ) {
        let mut before = std::mem::take(&mut self.states);
        for sign in signs {
            let known = before.remove(&sign.key);
            if known.is_none() && sign.is_present != Some(true) {
                continue;
            }
            let mut state = known.unwrap_or_default();
            let begin = || {
                let (key, name) = (sign.key.clone(), sign.alertname.clone());
                AlertRecord {
                    chart: sign.chart.clone(),
                    ..AlertRecord::new(key, name, sign.urgency, now, sign.evidence.clone())
                }
            };
            let met = sign.is_present == Some(true);
            if met {
                state.found(|alert| {
                    alert.evidence = sign.evidence.clone();
                    alert.chart = sign.chart.clone();
                });
            }
            let timing = match sign.is_present {
                Some(_) => timing(&sign.key),
                None => unknown(timing(&sign.key)),
            };
            state.step(met, timing, now, begin, changes);
            if !state.is_inactive() {
                self.states.insert(sign.key.clone(), state);
            }
        }
        for (key, mut state) in before {
            if let Some(alert) = state.firing().cloned() {
                state.step(false, unknown(timing(&key)), now, || alert, changes);
            }
            if state.is_firing() {
                self.states.insert(key, state);
            }
        }
    }

    /// Whether the alert of a sign fires or is pending.
    pub fn follows(&self, key: &AlertKey) -> bool {
        self.states.contains_key(key)
    }

    /// The signs whose alerts fire or are pending.
    pub fn followed(&self) -> impl Iterator<Item = &AlertKey> {
        self.states.keys()
    }

    /// The signs with pending alerts, and since when.
    pub fn pending(&self) -> impl Iterator<Item = (&AlertKey, Timestamp)> {
        let states = self.states.iter();
        states.filter_map(|(key, state)| Some((key, state.pending()?)))
    }

    pub fn firing(&self) -> impl Iterator<Item = &AlertRecord> {
        self.states.values().filter_map(AlertState::firing)
    }

    /// The firing alerts. The subject of a sign counts as bad while the sign is present.
    pub fn firing_mut(&mut self) -> impl Iterator<Item = Firing<'_>> {
        let states = self.states.values_mut().filter_map(AlertState::firing_mut);
        states.map(|(last_met, alert)| Firing {
            last_met,
            bad: last_met,
            alert,
        })
    }
}

fn unknown(timing: Timing) -> Timing {
    Timing {
        keep: timing.keep.max(MAX_UNKNOWN),
        ..timing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        pending: Duration::from_mins(1),
        confirmations: 2,
        keep: Duration::from_mins(15),
    };

    fn sign(is_present: Option<bool>) -> Sign {
        Sign {
            key: AlertKey::sign("web".into(), "memory_growing".into(), "worker".into()),
            alertname: "SlodMemoryGrowing".into(),
            urgency: Urgency::Ticket,
            is_present,
            evidence: "it grows".into(),
            chart: "▁▄█".into(),
        }
    }

    fn step(alerts: &mut SignAlerts, signs: &[Sign], second: i64) -> Vec<(i64, Option<i64>)> {
        let mut changes = Vec::new();
        alerts.step(
            signs,
            |_| TIMING,
            Timestamp::from_secs(second),
            &mut changes,
        );
        let row = |one: &AlertRecord| (one.from.0 / 1000, one.to.map(|to| to.0 / 1000));
        changes.iter().map(row).collect()
    }

    #[test]
    fn a_sign_that_comes_and_goes_is_one_alert() {
        let mut alerts = SignAlerts::default();
        let there = [sign(Some(true))];
        assert_eq!(step(&mut alerts, &there, 0), []);
        let pending: Vec<_> = alerts.pending().collect();
        assert_eq!(pending, [(&there[0].key, Timestamp(0))]);
        assert_eq!(step(&mut alerts, &there, 60), [(60, None)]);
        assert_eq!(alerts.pending().count(), 0);
        for second in (120..3000).step_by(60) {
            let now = [sign(Some(second % 600 == 0))];
            assert_eq!(step(&mut alerts, &now, second), []);
        }
        let ended = step(&mut alerts, &[sign(Some(false))], 4000);
        assert_eq!(ended, [(60, Some(2400 + 900))]);
    }

    #[test]
    fn a_sign_has_the_time_of_its_service_or_of_the_root() {
        let minutes = Duration::from_mins;
        let signs = |time| BTreeMap::from([("memory_growing", minutes(time))]);
        let timings = SignTimings {
            pending: BTreeMap::from([
                ("".into(), signs(3)),
                ("web".into(), signs(10)),
                ("ai".into(), BTreeMap::new()),
            ]),
            ..SignTimings::default()
        };
        let pending = |service: &str, sign: &str| {
            let key = AlertKey::sign(service.into(), sign.into(), "".into());
            timings.of(&key).pending
        };
        assert_eq!(pending("web", "memory_growing"), minutes(10));
        assert_eq!(pending("rag", "memory_growing"), minutes(3));
        assert_eq!(pending("ai", "memory_growing"), minutes(2), "the default");
        assert_eq!(pending("", "cpu_high"), minutes(2));
    }

    #[test]
    fn an_alert_with_an_unknown_sign_continues_for_an_hour() {
        let mut alerts = SignAlerts::default();
        let record = AlertRecord::new(
            sign(None).key,
            "SlodMemoryGrowing",
            Urgency::Ticket,
            Timestamp::from_secs(100),
            "it grew",
        );
        alerts.resume(record, Timestamp::from_secs(200));
        assert_eq!(step(&mut alerts, &[sign(None)], 2000), []);
        assert_eq!(step(&mut alerts, &[], 3000), []);
        assert_eq!(step(&mut alerts, &[sign(Some(true))], 3100), []);
        assert_eq!(step(&mut alerts, &[], 3100 + 3600), [(100, Some(6700))]);
        assert_eq!(alerts.firing().count(), 0);
    }

    #[test]
    fn an_alert_whose_sign_is_no_longer_evaluated_ends_at_once() {
        let mut alerts = SignAlerts::default();
        let there = [sign(Some(true))];
        step(&mut alerts, &there, 0);
        assert_eq!(step(&mut alerts, &there, 60), [(60, None)]);
        let (gone, mut changes) = ([there[0].key.clone()], Vec::new());
        alerts.end(&gone, Timestamp::from_secs(70), &mut changes);
        let ended: Vec<_> = changes.iter().map(|one| one.to).collect();
        assert_eq!(ended, [Some(Timestamp::from_secs(70))]);
        assert_eq!(alerts.followed().count(), 0);
        // The end of a pending alert is not reported.
        step(&mut alerts, &there, 80);
        alerts.end(&gone, Timestamp::from_secs(90), &mut changes);
        assert_eq!((alerts.followed().count(), changes.len()), (0, 1));
    }
}
