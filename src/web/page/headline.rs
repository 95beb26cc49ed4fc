//! Headline of every page, and the title of its tab: the status in one sentence.

use super::parts::icon;
use crate::format::numbers;
use crate::ledger::snapshot::ServiceView;
use crate::report::health::{Health, HealthLevel};
use maud::{Markup, html};
use std::time::Duration;

pub struct Headline<'a> {
    pub level: HealthLevel,
    /// Service that is the subject of the sentence.
    name: Option<&'a str>,
    sentence: String,
    /// Age of the status, if it is outdated.
    past: Option<Duration>,
}

impl<'a> Headline<'a> {
    pub fn of_service(health: Health, service: &'a ServiceView) -> Self {
        Self {
            name: Some(&service.name),
            ..Self::new(health.level(), health.predicate().to_owned())
        }
    }

    /// Overall status. Takes services ordered by health, worst first.
    pub fn of_all(services: &[(Health, &'a ServiceView)]) -> Self {
        let total = services.len();
        let troubled = services.iter().filter(|(s, _)| s.is_trouble()).count();
        let of = |health| services.iter().filter(move |(s, _)| *s == health).count();
        let (recovered, maintained) = (of(Health::Recovered) as u64, of(Health::Maintenance));
        let idle = services
            .iter()
            .filter(|(s, _)| s.level() == HealthLevel::Idle);
        let bare = of(Health::NoObjectives);
        let idle = idle.count() - maintained - bare;
        let Some((worst, service)) = services.first() else {
            return Self::new(HealthLevel::Idle, "No services are configured".to_owned());
        };
        if troubled == 1 || total == 1 {
            return Self::of_service(*worst, service);
        }
        let all = numbers::count(total as u64);
        let sentence = match troubled {
            0 if recovered > 0 => format!(
                "Nothing is down; {} of {all} services recovered in the last hours and still exceed their burn rate over these",
                numbers::count(recovered)
            ),
            0 if maintained == total => format!("All {all} services are in maintenance"),
            0 if maintained > 0 => format!(
                "No problems; {} of {all} services {} in maintenance",
                numbers::count(maintained as u64),
                if maintained == 1 { "is" } else { "are" }
            ),
            0 if bare == total => "No objectives are configured".to_owned(),
            0 if idle == 0 && bare > 0 => format!(
                "No problems; {} of {all} services {} no objectives",
                numbers::count(bare as u64),
                if bare == 1 { "has" } else { "have" }
            ),
            0 if idle == 0 => format!("All {all} services are healthy"),
            0 if *worst == Health::WarmingUp => "No problems so far".to_owned(),
            0 if idle + bare == total => "No data yet".to_owned(),
            0 => format!("No problems; {idle} of {all} services have little or no data yet"),
            _ if troubled == total => format!("All {all} services need attention"),
            _ => format!(
                "{} of {all} services need attention",
                numbers::count(troubled as u64)
            ),
        };
        Self::new(worst.level(), sentence)
    }

    pub fn new(level: HealthLevel, sentence: String) -> Self {
        Self {
            level,
            name: None,
            sentence,
            past: None,
        }
    }

    /// Marks an outdated snapshot, which is never shown as good.
    #[must_use]
    pub fn past(mut self, past: Option<Duration>) -> Self {
        self.past = past;
        if past.is_some() && self.level != HealthLevel::Bad {
            self.level = HealthLevel::Warn;
        }
        self
    }

    /// `✕ rag is down`
    pub fn title(&self) -> String {
        let name = self.name.map(|name| format!("{name} ")).unwrap_or_default();
        format!(
            "{} {}{name}{}",
            self.level.mark(),
            self.when(),
            self.sentence
        )
    }

    fn when(&self) -> String {
        let ago = |past| format!("{}: ", numbers::age(past));
        self.past.map(ago).unwrap_or_default()
    }

    /// Renders the sentence, with more content `below` it.
    pub fn markup(&self, below: &Markup) -> Markup {
        html! {
            section class={ "headline " (self.level.class()) } {
                h1 {
                    (icon(self.level))
                    span {
                        (self.when())
                        @if let Some(name) = self.name { bdi { (name) } " " }
                        (self.sentence)
                    }
                }
                @if self.past.is_some() {
                    p { "This page is outdated: the daemon has not published new data." }
                }
                (below)
            }
        }
    }
}
