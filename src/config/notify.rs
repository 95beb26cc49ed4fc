//! Reads receivers, routes and the heartbeat.

use super::keys::{alerts, notify as key};
use super::name::Names;
use crate::diagnostic::{nearest, some_of};
use crate::receiver::{
    self, Escalation, HeartbeatSpec, Hours, KINDS, Kind, Matcher, Receiver, Route, Routing,
    Template,
};
use crate::yaml::{Key, List, Mapping, Section, Text};

pub(super) fn heartbeat(root: &Section<'_>) -> Option<HeartbeatSpec> {
    HeartbeatSpec::read(&root.section(&key::HEARTBEAT)?)
}

/// Reads receivers and routes. `alerting` is the section `alerts`, and `external` are the names of the labels
/// of all alerts.
pub(super) fn routing(
    root: &Section<'_>,
    alerting: Option<&Section<'_>>,
    external: Vec<String>,
) -> Routing {
    let group_by = alerting.map_or_else(Vec::new, |alerting| labels(alerting, &alerts::GROUP_BY));
    let mut names = Names::of("receiver");
    let mut known = Vec::new();
    let sections = root.sections(&key::RECEIVERS);
    let receivers: Vec<Receiver> = sections
        .filter_map(|section| {
            let name = names.take(&section, &receiver::NAME);
            known.extend(name.clone());
            read_receiver(&section, name)
        })
        .collect();
    let sections = root.sections(&key::ROUTES);
    let mut routes: Vec<Route> = sections
        .filter_map(|section| {
            let route = route(&section, &known, &group_by)?;
            check_hours(&section, &route, &receivers);
            Some(route)
        })
        .collect();
    if !root.has(&key::ROUTES) {
        match &known[..] {
            [] => {}
            [only] => routes.push(everything(only, group_by)),
            [first, ..] => root.error(
                "missing-key",
                &key::RECEIVERS,
                "there are several receivers and no routes",
                format!("add `routes`, such as `- {{ match: {{ severity: page }}, to: {first} }}`"),
            ),
        }
    }
    Routing {
        receivers,
        routes,
        external,
    }
}

/// A route that sends all alerts to a single receiver.
fn everything(receiver: &str, group_by: Vec<String>) -> Route {
    Route {
        matchers: Vec::new(),
        at: None,
        to: vec![receiver.to_owned()],
        group_by,
        wait: std::time::Duration::from_secs(30),
        repeat: std::time::Duration::from_hours(4),
        escalate: None,
        deliver_at: None,
    }
}

fn read_receiver(section: &Section<'_>, name: Option<String>) -> Option<Receiver> {
    let timeout = section.get(&receiver::TIMEOUT);
    let maintenance = section.get(&receiver::MAINTENANCE);
    let mut given = KINDS.iter().filter(|kind| section.has(&kind.key));
    let kind = given.next();
    let title = template(section, &receiver::TITLE, kind);
    let text = template(section, &receiver::TEXT, kind);
    let Some(kind) = kind else {
        let message = "this receiver has no kind";
        let kinds: Vec<_> = KINDS.iter().map(|kind| kind.key.name).collect();
        let help = format!("add one of {} as a key", kinds.join(", "));
        // Errors in the proxy are reported as well.
        let _ = receiver::proxy(section);
        section
            .reader()
            .error("missing-kind", section.spot(), message, help);
        return None;
    };
    if let Some(second) = given.next() {
        let (first, second) = (kind.key.name, &second.key);
        let message = format!(
            "a receiver has exactly one kind, but this one has `{first}` and `{}`",
            second.name
        );
        section.error(
            "several-kinds",
            second,
            message,
            "split it into two receivers",
        );
    }
    report_unused(section, kind);
    let inner = section.section(&kind.key)?;
    let node = section.node_of(&kind.key)?;
    let read = section
        .reader()
        .traced(node, || (kind.read)(&inner).zip(receiver::proxy(section)));
    let (channel, proxy) = read.value?;
    if maintenance == Some(true) && !channel.takes_announcements() {
        let message = format!(
            "`{}` knows only alerts, so maintenance is not announced",
            kind.key.name
        );
        let help = "remove it, and announce maintenance to a chat or by email";
        section.error("conflict", &receiver::MAINTENANCE, message, help);
    }
    Some(Receiver {
        name: name?,
        kind: kind.key.name,
        timeout: timeout?,
        title: title?,
        text: text?,
        maintenance: maintenance?,
        channel,
        proxy,
        redactions: read.redactions,
    })
}

/// Reports keys that have no effect for this kind.
fn report_unused(section: &Section<'_>, kind: &Kind) {
    for key in [&receiver::TITLE, &receiver::TEXT] {
        if section.has(key) && !kind.has_texts {
            let message = format!("`{}` does not use message templates", kind.key.name);
            section.error("conflict", key, message, "remove it");
        }
    }
    if section.has(&receiver::PROXY) && !kind.is_web {
        let message = format!("`{}` does not use HTTP", kind.key.name);
        section.error("conflict", &receiver::PROXY, message, "remove it");
    }
}

fn template(section: &Section<'_>, key: &Key<Text>, kind: Option<&&Kind>) -> Option<Template> {
    let text = section.get(key)?;
    match kind.map_or_else(|| Template::parse(&text), |kind| kind.template(&text)) {
        Ok(template) => Some(template),
        Err(error) => {
            section.error_within(key, (&text, &error.at), error.message, error.help);
            None
        }
    }
}

/// Reads a route. `group_by` are the labels of routes without their own.
fn route(section: &Section<'_>, known: &[String], group_by: &[String]) -> Option<Route> {
    let matchers = section.map(&key::MATCH).into_iter();
    let matchers = matchers.map(|(label, value, _)| Matcher { label, value });
    let matchers = matchers.collect();
    let to = names(section, &key::TO, known);
    let escalate = section.section(&key::ESCALATE).and_then(|section| {
        let (after, to) = (section.get(&key::AFTER), names(&section, &key::TO, known));
        Some(Escalation { after: after?, to })
    });
    let (at, deliver_at) = (hours(section, &key::AT), hours(section, &key::DELIVER_AT));
    let group_by = if section.has(&key::GROUP_BY) {
        labels(section, &key::GROUP_BY)
    } else {
        group_by.to_vec()
    };
    let (wait, repeat) = (section.get(&key::WAIT), section.get(&key::REPEAT));
    Some(Route {
        matchers,
        at,
        to,
        group_by,
        wait: wait?,
        repeat: repeat?,
        escalate,
        deliver_at,
    })
}

/// Reads the labels to group by. An empty list stays empty instead of becoming the default.
fn labels(section: &Section<'_>, key: &Key<List<Text>>) -> Vec<String> {
    if section.has(key) && section.list(key).is_empty() {
        return Vec::new();
    }
    section.all(key)
}

fn hours(section: &Section<'_>, key: &Key<Mapping>) -> Option<Hours> {
    let section = section.section(key)?;
    let days = section.all(&key::DAYS);
    let (range, zone) = (section.get(&key::HOURS), section.get(&key::ZONE_KEY));
    Some(Hours {
        days,
        range: range?,
        zone: zone?,
    })
}

/// Reports a route with hours of delivery to a receiver that expects firing alerts again and again.
fn check_hours(section: &Section<'_>, route: &Route, receivers: &[Receiver]) {
    let names: Vec<&String> = route.receivers().collect();
    let is_resent =
        |one: &&Receiver| names.contains(&&one.name) && one.channel.resend_every().is_some();
    if let Some(one) = receivers.iter().find(is_resent)
        && section.has(&key::DELIVER_AT)
    {
        let message = format!(
            "`deliver_at` has no effect on `{}`: Alertmanager delays messages itself",
            one.name
        );
        let help = "remove it, and use `active_time_intervals` in Alertmanager's routes";
        section.error("conflict", &key::DELIVER_AT, message, help);
    }
}

/// Reads names of receivers, and reports unknown ones with the nearest known name.
fn names(section: &Section<'_>, key: &Key<List<Text>>, known: &[String]) -> Vec<String> {
    let names = section.all(key);
    if section.has(key) && section.list(key).is_empty() {
        let message = format!("`{}` is empty, so nobody would be notified", key.name);
        section.error("empty-list", key, message, "add the name of a receiver");
    }
    for name in names.iter().filter(|name| !known.contains(name)) {
        let near = nearest(name, known.iter().map(String::as_str));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "add it to `receivers`".to_owned(),
            None => format!("receivers: {}", some_of(known.iter().map(String::as_str))),
        };
        let message = format!("unknown receiver `{name}`");
        section.error("unknown-name", key, message, help);
    }
    names
}
