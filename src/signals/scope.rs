//! Which signs are enabled by a config.

use crate::alert::{AlertKey, Source};
use crate::config::{Config, ServiceSpec};
use crate::signal::kinds::{OF_LOAD, OF_METRICS};
use crate::signal::{SIGNALS, Settings, SignalKind};
use std::collections::BTreeMap;

/// The enabled signs and their subjects.
#[derive(Debug)]
pub struct Scope<'a> {
    host: Option<&'a Settings>,
    services: BTreeMap<&'a str, &'a ServiceSpec>,
}

impl<'a> Scope<'a> {
    /// The scope of a config; without one, no signs are enabled.
    pub fn of(config: Option<&'a Config>) -> Self {
        let services = config.into_iter().flat_map(|config| &config.services);
        Self {
            host: config.map(|config| &config.signals),
            services: services.map(|spec| (&*spec.name, spec)).collect(),
        }
    }

    /// Whether the sign of an alert is enabled, and its service is configured with the probe or
    /// processes that it names.
    pub fn has(&self, key: &AlertKey) -> bool {
        let Source::Sign { sign, subject } = &key.source else {
            return false;
        };
        let Some(kind) = SIGNALS.into_iter().find(|kind| *kind.name == **sign) else {
            return false;
        };
        if key.service.is_empty() {
            return self.host.is_some_and(|settings| settings.is_on(kind));
        }
        let spec = self.services.get(&*key.service);
        spec.is_some_and(|spec| spec.signals.is_on(kind) && has(spec, kind, subject))
    }
}

fn has(spec: &ServiceSpec, kind: &SignalKind, subject: &str) -> bool {
    let is_probe = || spec.probes.iter().any(|one| *one.key.probe == *subject);
    let are_processes = || spec.processes.iter().any(|one| *one.name == *subject);
    let has_metrics = spec.metrics.is_some() || !OF_METRICS.contains(&kind);
    let has_load = spec.load.is_some() || !OF_LOAD.contains(&kind);
    has_metrics && has_load && (subject.is_empty() || is_probe() || are_processes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::kinds;
    use crate::signals::tests::config;

    const PROBE: &str = "probes: [ { name: p, tcp: { address: '127.0.0.1:1' } } ]";

    fn key(service: &str, kind: &SignalKind, subject: &str) -> AlertKey {
        AlertKey::sign(service.into(), kind.name.into(), subject.into())
    }

    #[test]
    fn a_sign_is_in_scope_while_its_subject_is_configured() {
        let text = format!(
            "signals: {{ disk_full_soon: false }}\nservices:\n  - {{ name: web, {PROBE}, processes: [ {{ name: worker, match: {{ name: w }} }} ], signals: {{ restarted: false }} }}\n"
        );
        let config = config(&text);
        let scope = Scope::of(Some(&config));
        for (service, kind, subject, wanted) in [
            ("web", &kinds::CERTIFICATE_ENDING, "p", true),
            ("web", &kinds::CERTIFICATE_ENDING, "other", false),
            ("web", &kinds::MEMORY_GROWING, "worker", true),
            ("web", &kinds::MEMORY_GROWING, "gone", false),
            ("web", &kinds::RESTARTED, "worker", false),
            ("web", &kinds::LATENCY_RISING, "", true),
            ("web", &kinds::POOL_EXHAUSTED, "", false),
            ("web", &kinds::CPU_HIGH_AT_PEAK, "worker", false),
            ("renamed", &kinds::LATENCY_RISING, "", false),
            ("", &kinds::CPU_HIGH, "", true),
            ("", &kinds::DISK_FULL_SOON, "/", false),
        ] {
            let found = scope.has(&key(service, kind, subject));
            assert_eq!(found, wanted, "{service} {} {subject}", kind.name);
        }
        assert!(!Scope::of(None).has(&key("", &kinds::CPU_HIGH, "")));
    }
}
