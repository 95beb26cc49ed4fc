//! The list of alerts in the text of a message.

use super::Message;
use super::message::summary;
use super::request::truncated;
use super::route::ESCALATION;
use crate::alert::{ENDED_BECAUSE, HELD_BACK, Notice};
use crate::format::times;

/// Maximum number of alerts listed in a text; the others are counted.
const LISTED: usize = 10;
/// Maximum length of an alert's evidence in a list, in characters.
const LINE_MAX: usize = 300;
/// Maximum length of a list in characters, so that chat services do not truncate the number of the other alerts.
const LIST_MAX: usize = 2500;

impl Message {
    /// One line for each of the first alerts: how severe it is, its evidence, and since when it fires.
    pub(super) fn list(&self) -> String {
        if let (Some(_), Some(first)) = (self.announcement(), self.notices.first()) {
            return format!("- {}", summary(first));
        }
        // Otherwise the text ends with the address that all alerts share.
        let has_addresses = self.common(|one| one.annotation("page_url")).is_none();
        let (mut lines, mut length) = (Vec::new(), 0);
        for notice in self.notices.iter().take(LISTED) {
            let line = line(notice, has_addresses);
            length += line.chars().count();
            if length > LIST_MAX && !lines.is_empty() {
                break;
            }
            lines.push(line);
        }
        lines.extend(more(&self.notices[lines.len()..]));
        lines.join("\n")
    }
}

/// `- critical: web/errors: 52 of 360 attempts were bad ... (since 2026-11-30 17:35 UTC)`
fn line(notice: &Notice, has_address: bool) -> String {
    let since = format!("since {} UTC", times::minute(notice.from.to_utc()));
    let of = |name: &str| notice.annotation(name).map(str::to_owned);
    let (what, text, times) = match notice.to {
        None => {
            let severity = notice.label("severity").unwrap_or("firing");
            let times = [Some(since), of(HELD_BACK), of(ESCALATION)];
            (severity, evidence(notice), times)
        }
        Some(to) => {
            let lasted = times::length(to.since(notice.from).as_secs_f64());
            let times = [
                Some(format!("{since}, for {lasted}")),
                of(ENDED_BECAUSE),
                None,
            ];
            ("resolved", summary(notice), times)
        }
    };
    let text = truncated(&text, LINE_MAX);
    let times: Vec<String> = times.into_iter().flatten().collect();
    let address = notice.annotation("page_url").filter(|_| has_address);
    let address = address.map_or_else(String::new, |address| format!(" {address}"));
    format!("- {what}: {text} ({}){address}", times.join("; "))
}

/// Counts the alerts that are not listed: `- and 12 more: 10 firing, 2 resolved`.
fn more(others: &[Notice]) -> Option<String> {
    let resolved = others.iter().filter(|one| one.is_resolved()).count();
    let firing = others.len() - resolved;
    let counts = match (firing, resolved) {
        (0, 0) => return None,
        (firing, 0) => format!("{firing} more firing"),
        (0, resolved) => format!("{resolved} more resolved"),
        (firing, resolved) => format!(
            "{} more: {firing} firing, {resolved} resolved",
            others.len()
        ),
    };
    Some(format!("- and {counts}"))
}

/// The evidence of an alert, with what it is about. That of an objective names it; that of a sign is in the
/// summary.
fn evidence(notice: &Notice) -> String {
    let summary = summary(notice);
    let subject = summary.split_once(": ").map(|(subject, _)| subject);
    let evidence = notice.annotation("description");
    match subject.zip(evidence) {
        Some((subject, evidence)) if evidence.starts_with(subject) => evidence.to_owned(),
        _ => summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;

    const AT: Timestamp = Timestamp::from_secs(6000);

    fn notice(number: usize, severity: &str) -> Notice {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let service = format!("s{number}");
        Notice {
            labels: [pair("service", &service), pair("severity", severity)].into(),
            annotations: [
                pair(
                    "summary",
                    &format!("{service}/errors: error-budget burn over 1h/5m"),
                ),
                pair(
                    "description",
                    &format!("{service}/errors: 9 of 9 attempts were bad"),
                ),
                pair("page_url", &format!("http://slod/services/{service}")),
            ]
            .into(),
            from: Timestamp::from_secs(60),
            to: None,
        }
    }

    fn list(notices: Vec<Notice>) -> String {
        Message::new("oncall", "group", String::new(), AT, notices).list()
    }

    #[test]
    fn each_alert_has_its_evidence_and_pages_are_first() {
        let ended = Notice {
            to: Some(Timestamp::from_secs(180)),
            ..notice(3, "critical")
        };
        let mut sign = notice(4, "warning");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        sign.annotations.extend([
            pair("summary", "s4/memory_growing: grows by 9 MiB an hour"),
            pair("description", "grows by 9 MiB an hour"),
        ]);
        let all = vec![ended, sign, notice(2, "critical")];
        assert_eq!(
            list(all),
            "- critical: s2/errors: 9 of 9 attempts were bad (since 1970-01-01 00:01 UTC) http://slod/services/s2\n\
             - warning: s4/memory_growing: grows by 9 MiB an hour (since 1970-01-01 00:01 UTC) http://slod/services/s4\n\
             - resolved: s3/errors: error-budget burn over 1h/5m (since 1970-01-01 00:01 UTC, for 2m) http://slod/services/s3"
        );
    }

    #[test]
    fn a_single_alert_has_the_address_elsewhere() {
        assert!(list(vec![notice(2, "critical")]).ends_with("00:01 UTC)"));
    }

    #[test]
    fn late_alerts_escalations_and_ends_say_why() {
        let mut alert = notice(1, "critical");
        let reason = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        alert.annotations.extend([
            reason(ESCALATION, "not acknowledged within 15m"),
            reason(
                HELD_BACK,
                "inhibited by service db until 1970-01-01 00:01 UTC",
            ),
            reason(ENDED_BECAUSE, "its condition was not met for 5m"),
        ]);
        let ends = "(since 1970-01-01 00:01 UTC; inhibited by service db until 1970-01-01 00:01 UTC; not acknowledged within 15m)";
        assert!(list(vec![alert.clone()]).ends_with(ends));
        alert.to = Some(Timestamp::from_secs(120));
        let ends = "(since 1970-01-01 00:01 UTC, for 1m; its condition was not met for 5m)";
        assert!(list(vec![alert]).ends_with(ends));
    }

    #[test]
    fn a_list_is_bounded_and_counts_the_others() {
        let many = |count: usize, length: usize| {
            let each = (0..count).map(|number| {
                let mut one = notice(number, "critical");
                let text = format!("s{number}/errors: {}", "x".repeat(length));
                one.annotations.insert("description".to_owned(), text);
                one
            });
            list(each.collect())
        };
        assert!(many(22, 9).ends_with("\n- and 12 more firing"));
        let long = many(10, 900);
        assert!(
            long.chars().count() < 2600 && long.ends_with("\n- and 4 more firing"),
            "{long}"
        );
    }

    #[test]
    fn alerts_that_are_not_listed_are_counted_by_state() {
        let mut ended = notice(2, "critical");
        ended.to = Some(AT);
        let both = [notice(1, "critical"), ended];
        let expected = "- and 2 more: 1 firing, 1 resolved";
        assert_eq!(more(&both).as_deref(), Some(expected));
        assert_eq!(more(&both[1..]).as_deref(), Some("- and 1 more resolved"));
        assert_eq!(more(&[]), None);
    }
}
