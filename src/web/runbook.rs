//! The runbook as a page, which the alerts of the shipped rules link to.

use super::page::style;
use axum::response::Html;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use pulldown_cmark::{Options, Parser, html::push_html};
use std::sync::LazyLock;

const RUNBOOK: &str = include_str!("../../docs/RUNBOOK.md");

/// The ID of each section is the name of its alert in lower case.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let with_id = |line: &str| match line.strip_prefix("## ") {
        Some(alert) => format!("{line} {{#{}}}\n", alert.to_lowercase()),
        None => format!("{line}\n"),
    };
    let text: String = RUNBOOK.lines().map(with_id).collect();
    let mut content = String::new();
    let parser = Parser::new_ext(&text, Options::ENABLE_HEADING_ATTRIBUTES);
    push_html(&mut content, parser);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Runbook – slod" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                link rel="stylesheet" href={ (style::NAME) "?v=" (*style::HASH) };
            }
            body {
                header.top { nav aria-label="Main" { a.mark href="./" { "slod" span.quiet { " status" } } a href="./" { "All services" } } }
                main.text { (contents()) (PreEscaped(content)) }
            }
        }
    };
    page.into_string()
});

/// Table of contents.
fn contents() -> Markup {
    let alerts = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## "));
    html! {
        details {
            summary { "Contents" }
            nav aria-label="Contents" {
                @for alert in alerts { a href={ "#" (alert.to_lowercase()) } { (alert) } }
            }
        }
    }
}

pub async fn runbook() -> Html<&'static str> {
    Html(&PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Condition, TIERS};
    use crate::signal::SIGNALS;

    #[test]
    fn every_alert_of_the_rules_links_to_a_section() {
        let rules = include_str!("../../deploy/prometheus/slod.rules.yml");
        let anchors = rules.split("/runbook#").skip(1);
        let anchors: Vec<_> = anchors.filter_map(|rest| rest.split('\'').next()).collect();
        assert!(anchors.len() > 15, "{anchors:?}");
        let (of_signs, own): (Vec<&str>, Vec<&str>) =
            anchors.into_iter().partition(|one| one.contains("{{"));
        for anchor in own {
            assert!(PAGE.contains(&format!("<h2 id=\"{anchor}\">")), "{anchor}");
        }
        // One rule links to the sections of all signs and derives the IDs from their names.
        assert_eq!(
            of_signs,
            [r#"slod{{ reReplaceAll "_" "" $labels.signal }}"#]
        );
        assert!(
            PAGE.contains("<h2 id=\"slodbudgetburn\">"),
            "of tiers that a config has"
        );
        for tier in TIERS {
            let made = Condition::Tier(tier).alertname().to_lowercase();
            assert!(PAGE.contains(&format!("<h2 id=\"{made}\">")), "{made}");
        }
        for sign in SIGNALS {
            let made = format!("slod{}", sign.name.replace('_', ""));
            assert_eq!(made, sign.alert.to_lowercase());
            assert!(PAGE.contains(&format!("<h2 id=\"{made}\">")), "{made}");
        }
    }
}
