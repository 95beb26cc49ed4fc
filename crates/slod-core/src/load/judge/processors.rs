//! Which programs used the processors of the host while they were busy. Usage by other programs is not a
//! fault of the service.

use super::advice::{self, Advice};
use crate::load::observed::{Curve, Span, gauges};
use crate::load::{LOCUST, RunRecord};

/// CPU usage of the host, as a share of all processors.
pub(super) const HOST_CPU: &str = "slod_host_cpu_usage_ratio";
/// CPU usage by the processes of the service.
const PROCESS_CPU: &str = "slod_process_cpu_usage_ratio";

/// Shares of the host's CPU usage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Users {
    /// `None` if no process of the service was observed.
    service: Option<f64>,
    /// 0 if unknown.
    generator: f64,
    others: f64,
}

impl Users {
    /// The shares in a part of a run; `None` for curves other than the host's CPU usage.
    pub fn of(run: &RunRecord, curve: &Curve, span: Span) -> Option<Self> {
        if curve.key.name() != HOST_CPU {
            return None;
        }
        let all = curve.mean(span)?;
        let processes = gauges(run, PROCESS_CPU);
        let processes: Vec<f64> = processes.iter().filter_map(|one| one.mean(span)).collect();
        let service = (!processes.is_empty()).then(|| processes.iter().sum());
        let generator = generator(run, span);
        Some(Self {
            service,
            generator,
            others: (all - service.unwrap_or_default() - generator).max(0.0),
        })
    }

    /// Whether the service has the largest share.
    pub fn is_service_first(&self) -> bool {
        let most = self.others.max(self.generator);
        self.service.is_some_and(|service| service >= most)
    }

    /// ` (the service 12%, the generator 3%, other programs 85%)`
    pub fn words(&self) -> String {
        let Some(service) = self.service else {
            return " (by unknown programs: needs `processes` of the service)".to_owned();
        };
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        let mut all = format!("the service {}", percent(service));
        if self.generator > 0.0 {
            all = format!("{all}, the generator {}", percent(self.generator));
        }
        format!(" ({all}, other programs {})", percent(self.others))
    }

    /// Advice on the usage; `None` if it is unknown which programs cause it.
    pub fn advice(&self) -> Option<Advice> {
        self.service?;
        Some(if self.is_service_first() {
            advice::CPU
        } else if self.generator > self.others {
            advice::GENERATOR
        } else {
            advice::OTHERS
        })
    }
}

/// The usage by the generator. Locust reports it as a share of one processor and is therefore ignored.
fn generator(run: &RunRecord, (from, to): Span) -> f64 {
    if run.engine == LOCUST {
        return 0.0;
    }
    let inside = run.windows.iter().filter(|one| {
        let start = one.start.as_secs_f64();
        start >= from && start < to
    });
    let shares: Vec<f64> = inside.filter_map(|one| one.generator_cpu).collect();
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}
