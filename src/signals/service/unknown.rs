//! Signs that are currently unknown: without recent samples, a sign is neither active nor clear.

use super::ServiceHistory;
use crate::signal::rules::Numbers;
use crate::signal::{Finding, Presence, SILENCE, kinds};
use crate::signals::process::ProcessHistory;
use crate::signals::{NO_PROBES, NOT_SAMPLED};

impl ServiceHistory {
    /// Replaces a finding by the reason why its state is unknown.
    pub(super) fn doubt(&self, found: &mut Finding) {
        if self.is_unmeasured(found) {
            found.presence = Presence::Unknown;
            found.evidence = NO_PROBES.into();
        }
        if found.presence == Presence::Unknown {
            return;
        }
        let unread = || (found.presence == Presence::Clear).then(|| self.unread(found))?;
        if let Some(why) = self.silent(found).or_else(unread) {
            found.presence = Presence::Unknown;
            found.evidence = why.into();
        }
    }

    /// Whether only probes could measure it, and there are none.
    fn is_unmeasured(&self, found: &Finding) -> bool {
        let by = match *found.kind {
            kinds::LATENCY_RISING | kinds::LATENCY_UNUSUAL => self.latency().1,
            kinds::ERRORS_CLIMBING => self.errors().1,
            _ => return false,
        };
        self.is_unprobed && by == Numbers::Probes
    }

    /// Why a clear sign based on its own metrics is unknown because they cannot be read. An active
    /// sign stays active for a while.
    fn unread(&self, found: &Finding) -> Option<String> {
        let kind = found.kind;
        let is_of_metrics = kinds::OF_METRICS.contains(&kind) && *kind != kinds::METRICS_UNREADABLE;
        let is_of_provider = found.subject.is_empty()
            && [&kinds::PROVIDER_SLOW, &kinds::PROVIDER_FAILING].contains(&kind);
        let is_read = is_of_metrics || is_of_provider || *kind == kinds::CPU_HIGH_AT_PEAK;
        let own = self.own.as_ref().filter(|_| is_read)?;
        let why = own.unread.why()?;
        Some(format!("its metrics cannot be read: {why}"))
    }

    /// Why a sign over a longer time is unknown because there are no recent samples. Rules over a
    /// few minutes detect missing samples themselves.
    fn silent(&self, found: &Finding) -> Option<String> {
        let (kind, subject) = (found.kind, &*found.subject);
        let own = self.own.as_deref();
        let process = self.processes.get(subject);
        let is_silent = match *kind {
            kinds::LATENCY_RISING | kinds::LATENCY_UNUSUAL => {
                let (p95, by) = self.latency();
                return p95.is_silent(self.known_for(by)).then(|| nothing_by(by));
            }
            kinds::ERRORS_CLIMBING => {
                let (errors, by) = self.errors();
                return errors.is_silent(self.known_for(by)).then(|| nothing_by(by));
            }
            kinds::MEMORY_GROWING | kinds::THREADS_GROWING | kinds::OPEN_FILES_GROWING => {
                let track = process.and_then(|process| process.looked_at(kind));
                track.is_none_or(|track| track.is_silent(SILENCE))
            }
            kinds::PROCESS_GONE => {
                let is_silent = |one: &ProcessHistory| one.running.is_silent(self.sampled, SILENCE);
                process.is_none_or(is_silent)
            }
            kinds::CONNECTIONS_GROWING => own.is_none_or(|own| own.connections.is_silent(SILENCE)),
            kinds::QUEUE_GROWING => own.is_none_or(|own| own.queue.is_silent(SILENCE)),
            kinds::THROUGHPUT_LOW => own.is_none_or(|own| own.traffic.is_silent(SILENCE)),
            kinds::CPU_HIGH_AT_PEAK => {
                let is_used = process.is_some_and(|process| process.cpu().is_some());
                let is_loaded = own.is_some_and(|own| {
                    let loads = [&own.traffic_by_minute, &own.connections_by_minute];
                    loads.iter().any(|load| !load.is_silent(SILENCE))
                });
                !is_used || !is_loaded
            }
            kinds::PROVIDER_SLOW => {
                let provider = self.provider(subject);
                provider.is_none_or(|provider| provider.latency.is_silent(SILENCE))
            }
            _ => false,
        };
        is_silent.then(|| NOT_SAMPLED.to_owned())
    }
}

/// The evidence if there are no recent requests.
pub(in crate::signals) fn nothing_by(numbers: Numbers) -> String {
    format!("{}, there is no data for the last 15 minutes", numbers.by())
}
