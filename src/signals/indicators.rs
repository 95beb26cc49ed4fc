//! Health indicators of a service, each with the values it was decided by.

use super::own::MetricsHistory;
use super::service::{ServiceHistory, nothing_by};
use super::{NO_METRICS, NO_PROBES, NOT_SAMPLED};
use crate::format::numbers;
use crate::signal::indicator::{
    self, Indicator, IndicatorKind, Judged, MAX_CPU, MAX_POOL, all_of, error_rate,
};
use crate::signal::rules::Numbers;
use crate::signal::{Finding, HOUR, Presence, SILENCE, SignalKind, Track, kinds};

/// Number of consecutive minutes whose mean is the peak.
const PEAK: usize = 5;

impl ServiceHistory {
    /// Returns all indicators, based on the histories and the findings of its signs.
    pub(super) fn indicators(&self, findings: &[Finding]) -> Vec<Indicator> {
        let judged: [(&'static IndicatorKind, Judged); 6] = [
            (
                &indicator::RESPONSE_TIMES,
                signs(findings, &[&kinds::LATENCY_RISING])
                    .unwrap_or((None, "no data yet".to_owned())),
            ),
            (&indicator::ERROR_RATE, self.error_rate()),
            (&indicator::CPU_AT_PEAK, self.cpu_at_peak()),
            (&indicator::MEMORY_STABLE, memory_stable(findings)),
            (&indicator::POOLED, self.pooled()),
            (&indicator::NO_TIMEOUTS, self.no_timeouts()),
        ];
        let each = judged
            .into_iter()
            .map(|(kind, (holds, evidence))| Indicator {
                kind,
                service: self.name.clone(),
                holds,
                evidence: evidence.into(),
            });
        each.collect()
    }

    fn error_rate(&self) -> Judged {
        let (counts, numbers) = self.errors();
        if self.is_unprobed && numbers == Numbers::Probes {
            return (None, NO_PROBES.to_owned());
        }
        let hour = counts.hour();
        let (holds, evidence) = error_rate(hour.errors, hour.total);
        if holds == Some(true) && counts.is_silent(self.known_for(numbers)) {
            return (None, nothing_by(numbers));
        }
        (holds, format!("{}, {evidence}", numbers.by()))
    }

    fn cpu_at_peak(&self) -> Judged {
        let each = self.processes.iter().map(|(name, process)| {
            let known = process.cpu();
            let peak = known.and_then(|(cpu, what)| Some((cpu.busiest(PEAK)?, what)));
            match peak {
                None => (
                    None,
                    format!("{name}: fewer than {PEAK} minutes of its processor usage are known"),
                ),
                Some((peak, what)) => (
                    Some(peak < MAX_CPU),
                    format!(
                        "{name}: {what} was {:.0}% in the busiest {PEAK} minutes of the last hour",
                        peak * 100.0
                    ),
                ),
            }
        });
        all_of(each.collect()).unwrap_or((None, NO_PROCESSES.to_owned()))
    }

    fn pooled(&self) -> Judged {
        let Some(own) = &self.own else {
            return (None, NO_METRICS.to_owned());
        };
        let highest = |known: Vec<f64>| known.into_iter().max_by(f64::total_cmp);
        let used = highest(own.pool.highest.known(HOUR));
        let waited = highest(own.pool.waiting.known(HOUR));
        if used.is_none() && waited.is_none() {
            // Includes the current minute.
            let is_found =
                [&own.pool.highest, &own.pool.waiting].map(|one| one.sum(HOUR).is_some());
            let evidence = if is_found.contains(&true) {
                "the usage of the pool is not known for a whole minute yet"
            } else {
                "the metrics contain no database connection pool"
            };
            return (None, evidence.to_owned());
        }
        let (share, waiting) = (used.unwrap_or(0.0), waited.unwrap_or(0.0));
        let used = used.map_or_else(
            || "the size of the pool is unknown".to_owned(),
            |used| format!("at most {:.0}% of the pool was in use", used * 100.0),
        );
        let waited = waited.map_or_else(String::new, |most| {
            format!(", and at most {most:.0} requests waited")
        });
        let holds = share < MAX_POOL && waiting <= 0.0;
        if let Some(why) = own.unread.why().filter(|_| holds) {
            return (None, format!("its metrics cannot be read: {why}"));
        }
        let is_silent = |track: &Track| track.is_silent(SILENCE);
        if holds && is_silent(&own.pool.highest) && is_silent(&own.pool.waiting) {
            return (None, NOT_SAMPLED.to_owned());
        }
        let minutes = own.pool.highest.known(HOUR).len();
        let minutes = minutes.max(own.pool.waiting.known(HOUR).len());
        (Some(holds), format!("{used}{waited} {}", lately(minutes)))
    }

    fn no_timeouts(&self) -> Judged {
        let own = self.own.as_ref().and_then(|own| own.timeouts.sum(HOUR));
        // Only if the metrics are still being read: missing data does not mean zero timeouts.
        let is_known = |own: &MetricsHistory| !own.timeouts.is_silent(SILENCE);
        let is_known = self.readable().is_some_and(is_known);
        let own = own.filter(|count| *count > 0.0 || is_known);
        let is_probed = !self
            .probes
            .timeouts
            .is_silent(self.known_for(Numbers::Probes));
        let probed = || {
            let count = self.probes.timeouts.sum(HOUR);
            count.filter(|count| *count > 0.0 || is_probed)
        };
        let (count, by, lately) = if let (Some(count), Some(own)) = (own, &self.own) {
            let minutes = own.timeouts.known(HOUR).len();
            (Some(count), Numbers::Own.by(), lately(minutes))
        } else {
            let minutes = self.probes.timeouts.values();
            let minutes = minutes.iter().skip_while(|one| one.is_none()).count();
            (probed(), Numbers::Probes.by(), within(minutes))
        };
        match count {
            None if self.is_unprobed => (None, NO_PROBES.to_owned()),
            None => (None, nothing_by(Numbers::Probes)),
            Some(count) => (
                Some(count <= 0.0),
                format!("{by}, {} timeouts {lately}", numbers::summed(count)),
            ),
        }
    }
}

/// The last hour, or the part of it with data. The current minute is incomplete.
fn lately(minutes: usize) -> String {
    if minutes + 1 >= HOUR {
        return "in the last hour".to_owned();
    }
    let minutes = numbers::plural(minutes as u64, "minute");
    format!("in the {minutes} with data in the last hour")
}

/// The last hour, or the time since the first attempt. The current minute is incomplete.
fn within(minutes: usize) -> String {
    if minutes + 1 >= HOUR {
        return "in the last hour".to_owned();
    }
    format!(
        "in the last {}",
        numbers::plural(minutes.max(1) as u64, "minute")
    )
}

const NO_PROCESSES: &str = "`processes` is not configured for the service, or none was seen yet";

/// An out-of-memory kill makes memory unstable; otherwise, including when kills are unknown for
/// lack of a container, memory growth decides.
fn memory_stable(findings: &[Finding]) -> Judged {
    let killed = signs(findings, &[&kinds::OUT_OF_MEMORY]);
    let killed = killed.filter(|(holds, _)| *holds == Some(false));
    let grows = signs(findings, &[&kinds::MEMORY_GROWING]);
    killed.or(grows).unwrap_or((None, NO_PROCESSES.to_owned()))
}

/// The result of the signs of an indicator; `None` if there are none.
fn signs(findings: &[Finding], wanted: &[&SignalKind]) -> Option<Judged> {
    let is_wanted = |one: &&Finding| wanted.iter().any(|kind| kind.name == one.kind.name);
    let each = findings.iter().filter(is_wanted).map(|one| {
        let holds = match one.presence {
            Presence::Active => Some(false),
            Presence::Clear => Some(true),
            Presence::Unknown => None,
        };
        let subject = if one.subject.is_empty() {
            String::new()
        } else {
            format!("{}: ", one.subject)
        };
        (holds, format!("{subject}{}", one.evidence))
    });
    all_of(each.collect())
}
