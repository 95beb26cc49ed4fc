//! Alerts that reach nobody, and receivers that no alert reaches.

use super::finding::Finding;
use crate::config::draft::{Draft, ServiceDraft};
use crate::config::keys;
use crate::config::labels::OF_ALERTS;
use crate::receiver::{self, Hours, Route};
use crate::yaml::{Declared, Section, Spot};

/// Services with a label that slod overrides on some of their alerts.
pub fn label_of_alerts(draft: &Draft<'_>) -> Vec<Finding> {
    let services = draft.services.iter();
    let labels = services.flat_map(|service| service.section.map(&keys::service::LABELS));
    let used = labels.filter(|(name, ..)| OF_ALERTS.contains(&&**name));
    let finding = |(name, _, at): (String, String, Spot)| Finding {
        at,
        message: format!("slod sets a label `{name}` on alerts, which overrides this one"),
        help: "choose another name if alerts are routed or silenced by it".to_owned(),
    };
    used.map(finding).collect()
}

/// Services with pages that no unconditional route matches.
pub fn page_reaches_nobody(draft: &Draft<'_>) -> Vec<Finding> {
    reaches_nobody(draft, "page")
}

/// Services with tickets that no unconditional route matches.
pub fn ticket_reaches_nobody(draft: &Draft<'_>) -> Vec<Finding> {
    reaches_nobody(draft, "ticket")
}

fn reaches_nobody(draft: &Draft<'_>, severity: &str) -> Vec<Finding> {
    let routing = &draft.routing;
    if routing.receivers.is_empty() {
        return Vec::new();
    }
    let lost = draft.services.iter().filter(|service| {
        let is = |label: &str, value: &str| match label {
            "service" => *service.name == *value,
            "severity" => crate::alert::same_severity(value, severity),
            label if OF_ALERTS.contains(&label) => false,
            label => {
                let mut labels = service.labels.iter().chain(&draft.alerts.external);
                let held = labels.find(|(name, _)| name == label);
                held.is_some_and(|(_, held)| held == value)
            }
        };
        !reach_a_receiver(&routing.routes, is)
    });
    let finding = |service: &ServiceDraft<'_>| Finding {
        at: draft.root.spot_of(&keys::notify::ROUTES),
        message: format!("not every {severity} of `{}` matches a route", service.name),
        help: "add a final route without `match` and `at`, such as `- { to: NAME }`".to_owned(),
    };
    lost.map(finding).collect()
}

/// Whether routes match alerts at all times. `is` returns whether all of the alerts have a label with a value.
fn reach_a_receiver(routes: &[Route], is: impl Fn(&str, &str) -> bool) -> bool {
    let takes = |route: &&Route| {
        let mut matchers = route.matchers.iter();
        matchers.all(|matcher| is(&matcher.label, &matcher.value))
    };
    let taking: Vec<_> = routes.iter().filter(takes).collect();
    let hours: Vec<_> = taking
        .iter()
        .filter_map(|route| route.at.as_ref())
        .collect();
    taking.iter().any(|route| route.at.is_none()) || Hours::contain_all(&hours)
}

/// Alerts of the host and of slod itself that no unconditional route matches. All of them are tickets, and
/// they have no service.
pub fn host_alert_reaches_nobody(draft: &Draft<'_>) -> Vec<Finding> {
    let is = |label: &str, value: &str| match label {
        "severity" => crate::alert::same_severity(value, "ticket"),
        "instance" => draft.alerts.instance == value,
        label => {
            let mut labels = draft.alerts.external.iter();
            labels.any(|(name, held)| name == label && held == value)
        }
    };
    if draft.routing.receivers.is_empty() || reach_a_receiver(&draft.routing.routes, is) {
        return Vec::new();
    }
    vec![Finding {
        at: draft.root.spot_of(&keys::notify::ROUTES),
        message: "alerts of the host and of slod itself, which have no service, match no route"
            .to_owned(),
        help: "add a final route without `match` and `at`, such as `- { to: NAME }`".to_owned(),
    }]
}

/// Settings of routes without effect, because Alertmanager does the same itself.
pub fn unused_by_alertmanager(draft: &Draft<'_>) -> Vec<Finding> {
    use keys::notify::{ESCALATE, GROUP_BY, REPEAT, TO, WAIT};
    let is_resent = |name: &String| {
        let receiver = draft.routing.receiver(name);
        receiver.is_some_and(|one| one.channel.resend_every().is_some())
    };
    let mut found = Vec::new();
    for route in draft.root.sections(&keys::notify::ROUTES) {
        let later = route.section(&ESCALATE).into_iter();
        let mut names = route.all(&TO);
        names.extend(later.flat_map(|escalate| escalate.all(&TO)));
        if !names.iter().all(is_resent) {
            continue;
        }
        let settings: [&dyn Declared; 3] = [&GROUP_BY, &WAIT, &REPEAT];
        let given = settings.into_iter().filter(|key| route.has(*key));
        found.extend(given.map(|key| unused(&route, key)));
    }
    let alerts = draft.root.section(&keys::ALERTS).into_iter();
    let mut alerts = alerts.filter(|alerts| alerts.has(&keys::alerts::GROUP_BY));
    let mut names = draft.routing.routes.iter().flat_map(Route::receivers);
    if !draft.routing.routes.is_empty() && names.all(is_resent) {
        found.extend(alerts.next().map(|at| unused(&at, &keys::alerts::GROUP_BY)));
    }
    found
}

fn unused(section: &Section<'_>, key: &dyn Declared) -> Finding {
    Finding {
        at: section.spot_of(key),
        message: format!(
            "`{}` has no effect: Alertmanager groups, delays and repeats alerts itself",
            key.name()
        ),
        help: "remove it, or set it in Alertmanager's routes".to_owned(),
    }
}

/// Routes that hold pages until hours of delivery begin.
pub fn pages_held(draft: &Draft<'_>) -> Vec<Finding> {
    let (mut found, mut are_taken) = (Vec::new(), false);
    for route in draft.root.sections(&keys::notify::ROUTES) {
        let mut matchers = route.map(&keys::notify::MATCH).into_iter();
        let is_page = |value: &str| crate::alert::same_severity(value, "page");
        let takes_pages = matchers.all(|(label, value, _)| label != "severity" || is_page(&value));
        if !takes_pages || are_taken {
            continue;
        }
        if route.has(&keys::notify::DELIVER_AT) {
            let message = "pages that match this route wait until its hours begin".to_owned();
            let help =
                "add `severity: ticket` to its `match`, or a route for `severity: page` before it";
            let at = route.spot_of(&keys::notify::DELIVER_AT);
            let help = help.to_owned();
            found.push(Finding { at, message, help });
        }
        let mut matchers = route.map(&keys::notify::MATCH).into_iter();
        are_taken =
            matchers.all(|(label, ..)| label == "severity") && !route.has(&keys::notify::AT);
    }
    found
}

/// Routes to receivers with incidents that have no `group_by`.
pub fn incident_shared(draft: &Draft<'_>) -> Vec<Finding> {
    if draft.services.len() < 2 {
        return Vec::new();
    }
    let routing = &draft.routing;
    let shared = |names: Vec<String>| {
        let receivers = names.into_iter().filter_map(|name| routing.receiver(&name));
        let mut receivers = receivers.filter(|one| one.channel.has_incidents());
        receivers.next().map(|one| one.name.clone())
    };
    let alerts = draft.root.section(&keys::ALERTS);
    if alerts.is_some_and(|alerts| alerts.has(&keys::alerts::GROUP_BY)) {
        return Vec::new();
    }
    let routes = draft.root.sections(&keys::notify::ROUTES);
    let open = routes.filter(|route| !route.has(&keys::notify::GROUP_BY));
    let found = open.filter_map(|route| {
        let to = route.all(&keys::notify::TO);
        Some((route.spot_of(&keys::notify::TO), shared(to)?))
    });
    let only = match &routing.receivers[..] {
        [only] if !draft.root.has(&keys::notify::ROUTES) => shared(vec![only.name.clone()]),
        _ => None,
    };
    let only = only.map(|name| (draft.root.spot_of(&keys::notify::RECEIVERS), name));
    let finding = |(at, name): (Spot, String)| {
        Finding {
        at,
        message: format!("a second failing service joins the open incident at `{name}` without paging again"),
        help: "set `group_by: [alertname, service]` in the route or in `alerts`, or `group_by: alertname` if this is intended".to_owned(),
    }
    };
    found.chain(only).map(finding).collect()
}

/// Messages with links to a loopback address.
pub fn local_links(draft: &Draft<'_>) -> Vec<Finding> {
    let alerts = draft.root.section(&keys::ALERTS);
    let is_set = alerts.is_some_and(|alerts| alerts.has(&keys::alerts::ADDRESS));
    if draft.routing.receivers.is_empty() || is_set || !draft.listen.ip().is_loopback() {
        return Vec::new();
    }
    let address = &draft.alerts.address;
    vec![Finding {
        at: draft.root.spot_of(&keys::notify::RECEIVERS),
        message: format!(
            "links in messages start with {address}, which only opens on this machine"
        ),
        help: "set `alerts: { address: \"https://slod.example.com\" }`".to_owned(),
    }]
}

/// Receivers without a route.
pub fn receiver_without_route(draft: &Draft<'_>) -> Vec<Finding> {
    let routing = &draft.routing;
    let is_named = |name: &String| {
        let mut named = routing.routes.iter().flat_map(Route::receivers);
        named.any(|to| to == name)
    };
    let sections = draft.root.sections(&keys::notify::RECEIVERS);
    let unnamed = sections.filter_map(|section| {
        let name = section.get(&receiver::NAME)?;
        (!is_named(&name)).then(|| Finding {
            at: section.spot_of(&receiver::NAME),
            message: format!("no route sends alerts to the receiver `{name}`"),
            help: "add it to the `to` of a route, or remove it".to_owned(),
        })
    });
    unnamed.collect()
}
