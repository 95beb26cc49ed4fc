mod counting;
mod histograms;
mod pools;

use super::breakers::Breakers;
use super::history::History;
use super::plan::Plan;
use super::scan::{Scan, Scanned, Slot};
use super::view::{RoleValue, ServiceMetrics};
use super::watch::Latest;
use super::*;
use crate::outcome::Timestamp;
use crate::probe::http::BodySink;
use crate::roles::{Role, RoleKind};
use std::collections::BTreeMap;
use std::hash::RandomState;
use std::path::PathBuf;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(10);
/// Wall time of the pages, in milliseconds.
const NOW: i64 = 1_795_860_000_000;

/// A service with these keys in `metrics`, in addition to the address.
fn spec(keys: &str) -> Arc<MetricsSpec> {
    spec_of("objectives: []", keys)
}

/// A service with these keys, and others in `metrics`.
fn spec_of(service: &str, keys: &str) -> Arc<MetricsSpec> {
    let text = format!(
        "services: [{{ name: a, {service}, probes: [{{ name: p, http: {{ url: \"http://h/\" }} }}], metrics: {{ url: \"http://h/metrics\"{keys} }} }}]"
    );
    let config: Config = text.parse().expect("valid");
    config.metrics().next().expect("one").clone()
}

/// A service whose pages are read one after the other.
pub(super) struct Watched {
    plan: Plan,
    hasher: RandomState,
    history: History,
}

impl Watched {
    pub(super) fn new(keys: &str) -> Self {
        Self::of("objectives: []", keys)
    }

    /// With keys of the service, and others of its metrics.
    pub(super) fn of(service: &str, keys: &str) -> Self {
        let service = if service.is_empty() {
            "objectives: []"
        } else {
            service
        };
        Self {
            plan: Plan::new(&spec_of(service, keys)),
            hasher: RandomState::new(),
            history: History::default(),
        }
    }

    fn read(&self, page: &str) -> Result<Scanned, String> {
        let mut reader = PageReader::new(Scan::new(&self.plan, &self.hasher, NOW));
        for part in page.as_bytes().chunks(1000) {
            reader.take(part).map_err(|failure| failure.message)?;
        }
        reader.finish()
    }

    /// A page in protobuf.
    pub(super) fn read_bytes(&self, page: &[u8]) -> Result<Scanned, String> {
        let mut reader = PageReader::new(Scan::new(&self.plan, &self.hasher, NOW));
        let kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        let head = http::Response::builder().header("content-type", kind);
        let (head, ()) = head.body(()).expect("valid").into_parts();
        reader.begin(&head).map_err(|failure| failure.message)?;
        for part in page.chunks(1000) {
            reader.take(part).map_err(|failure| failure.message)?;
        }
        reader.finish()
    }

    pub(super) fn follow_bytes(&mut self, at: u64, page: &[u8]) -> ServiceMetrics {
        let scanned = self.read_bytes(page).expect("valid");
        self.follow_scanned(at, &scanned)
    }

    /// Takes the page of a scrape `at` seconds after the first.
    pub(super) fn follow(&mut self, at: u64, page: &str) -> ServiceMetrics {
        let scanned = self.read(page).expect("valid");
        self.follow_scanned(at, &scanned)
    }

    fn follow_scanned(&mut self, at: u64, scanned: &Scanned) -> ServiceMetrics {
        let at = Duration::from_secs(at);
        let service = "a".into();
        self.history
            .follow(&self.plan, &service, scanned, at, INTERVAL)
    }
}

pub(super) fn close(value: Option<f64>, wanted: f64) -> bool {
    value.is_some_and(|value| (value - wanted).abs() < 1e-9)
}

fn pages() -> impl Iterator<Item = (PathBuf, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/metrics-pages");
    let files = std::fs::read_dir(folder).expect("exists");
    files.map(|file| {
        let path = file.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("text");
        (path, text)
    })
}

/// The expectations at the start of a page: role, series, total and selector.
fn expected(page: &str) -> BTreeMap<String, String> {
    let lines = page
        .lines()
        .filter_map(|line| line.strip_prefix("# expect "));
    let parts = lines.map(|line| line.split_once(' ').expect("role and more"));
    parts
        .map(|(role, rest)| (role.to_owned(), rest.to_owned()))
        .collect()
}

/// The count of a histogram, or the sum of the values; for a state, whether it is set.
fn total(role: Role, scanned: &Scanned, at: usize) -> f64 {
    let points = scanned.by_rule[&at].points.iter();
    let counted = points.filter(|point| match role.kind() {
        RoleKind::Histogram => point.slot == Slot::Count,
        _ => true,
    });
    let total = counted.fold(0.0, |total: f64, point| total + point.value);
    if role.kind() == RoleKind::State {
        total.min(1.0)
    } else {
        total
    }
}

#[test]
fn the_pages_of_common_libraries_are_understood() {
    let mut count = 0;
    for (path, page) in pages() {
        let mut watched = Watched::new("");
        let scanned = watched.read(&page).expect("valid");
        let metrics = watched.follow(0, &page);
        let found = metrics.roles.iter().map(|view| {
            let mut rules = watched.plan.rules_of(view.role);
            let rule = rules.find(|(_, rule)| rule.written == *view.selector);
            let (at, _) = rule.expect("exists");
            let total = total(view.role, &scanned, at);
            let shown = format!("{} {total} {}", view.series, view.selector);
            (view.role.name().to_owned(), shown)
        });
        let found: BTreeMap<_, _> = found.collect();
        assert_eq!(found, expected(&page), "{}", path.display());
        assert_eq!(metrics.scrape.dropped.total(), 0, "{}", path.display());
        count += 1;
    }
    assert!(count >= 16, "{count} pages");
}

#[test]
fn durations_are_in_seconds() {
    let page = std::fs::read_to_string("tests/fixtures/metrics-pages/envoy.txt").expect("text");
    let metrics = Watched::new("").follow(0, &page);
    let histogram = metrics.histogram(Role::RequestDuration).expect("found");
    assert_eq!(histogram.bounds, [0.005, 0.5]);
    let mut own = Watched::new(", request_duration: rpc_ms");
    let page = "rpc_ms_bucket{le=\"250\"} 1\nrpc_ms_bucket{le=\"+Inf\"} 1\n";
    let histogram = own.follow(0, page);
    let histogram = histogram.histogram(Role::RequestDuration).expect("found");
    assert_eq!(histogram.bounds, [0.25]);
    let mut own = Watched::new(", request_duration: rpc_microseconds");
    let page = "rpc_microseconds_bucket{le=\"500\"} 1\nrpc_microseconds_bucket{le=\"+Inf\"} 1\n";
    let histogram = own.follow(0, page);
    let histogram = histogram.histogram(Role::RequestDuration).expect("found");
    assert_eq!(histogram.bounds, [0.0005]);
}

#[test]
fn selectors_come_before_well_known_names() {
    let mut watched = Watched::new(", errors: 'my_failures{kind!=\"user\"}', queue_depth: jobs");
    let page = "http_requests_total{code=\"500\"} 3\nmy_failures{kind=\"user\"} 5\nmy_failures{kind=\"io\"} 2\nqueue_depth 9\n";
    let metrics = watched.follow(0, page);
    let errors = metrics.role(Role::Errors).expect("found");
    assert_eq!((errors.series, errors.library), (1, None));
    assert!(
        metrics
            .role(Role::Requests)
            .expect("found")
            .library
            .is_some()
    );
    assert!(
        metrics.role(Role::QueueDepth).is_none(),
        "its selector finds nothing"
    );
}

#[test]
fn more_errors_than_requests_are_reported() {
    let mut watched = Watched::new(", requests: served, errors: failed");
    let mut after = |at, served: u32, failed: u32| {
        let page = format!("served {served}\nfailed {failed}\n");
        watched.follow(at, &page)
    };
    after(0, 5_000, 9_000);
    // A few may be counted later than their errors.
    assert_eq!(after(10, 5_100, 9_110).surplus_errors(), None);
    let metrics = after(20, 5_200, 10_500);
    let message = metrics.surplus_errors().expect("more than requests");
    assert!(
        message.starts_with("1,500 errors of only 200 requests"),
        "{message}"
    );
    assert_eq!(metrics.error_ratio, Some(1.0));
    assert_eq!(surplus_errors(1000.0, 1060.0), None);
    assert!(surplus_errors(1000.0, 1061.0).is_some());
}

#[test]
fn parts_of_a_ratio_come_from_one_library() {
    let page = "hikaricp_connections_active 3\ngo_sql_max_open_connections 100\n";
    let metrics = Watched::new("").follow(0, page);
    assert!(metrics.role(Role::DbPoolInUse).is_some());
    assert!(metrics.role(Role::DbPoolMax).is_none(), "{metrics:?}");
    let own = Watched::new(", requests: rpc_total")
        .follow(0, "rpc_total 1\nhttp_requests_total{code=\"500\"} 1\n");
    assert!(own.role(Role::Errors).is_none(), "{own:?}");
}

/// The classes are those of LiteLLM's exceptions.
#[test]
fn failures_of_a_proxy_s_clients_are_no_errors_of_the_provider() {
    let failed = |class: &str, status: u16| {
        format!(
            "litellm_proxy_failed_requests_metric_total{{exception_class=\"{class}\",exception_status=\"{status}\"}} 1\n"
        )
    };
    let of_clients = [
        ("ProxyException", 401),
        ("HTTPException", 429),
        ("BudgetExceededError", 429),
        ("Openai.BadRequestError", 400),
        ("Openai.ContextWindowExceededError", 400),
        ("Azure.UnprocessableEntityError", 422),
        ("Github_copilot.CallerCredentialRateLimitError", 429),
    ];
    let of_provider = [
        ("Openai.AuthenticationError", 401),
        ("Openai.RateLimitError", 429),
        ("Anthropic.Timeout", 408),
        ("Openai.InternalServerError", 500),
    ];
    let page = |failures: &[(&str, u16)]| -> String {
        let lines = failures
            .iter()
            .map(|(class, status)| failed(class, *status));
        lines.collect()
    };
    let requests = "litellm_proxy_total_requests_metric_total{status_code=\"200\"} 20\n";
    for (failures, errors, limits) in [(&of_clients[..], 0, 0), (&of_provider[..], 4, 1)] {
        let page = page(failures) + requests;
        let metrics = Watched::new("").follow(0, &page);
        let series = |role| metrics.role(role).map(|view| view.series);
        assert_eq!(series(Role::LlmErrors), Some(errors), "{page}");
        assert_eq!(series(Role::LlmRateLimitHits), Some(limits), "{page}");
    }
}

#[test]
fn values_without_a_use_are_dropped_and_counted() {
    let mut watched = Watched::new("");
    let future = NOW + 365 * 86_400_000;
    let page = format!(
        "http_requests_total{{code=\"200\"}} 5\nhttp_requests_total{{code=\"200\"}} 6\nhttp_requests_total{{code=\"201\"}} NaN\nhttp_requests_total{{code=\"202\"}} -1\nhttp_requests_total{{code=\"203\"}} +Inf\nhttp_requests_total{{code=\"204\"}} 1 {future}\nhttp_requests_total{{code=\"205\"}} 1 {}\nhttp_requests_total{{code=\"206\"}} 1 {NOW}\nqueue_depth NaN\nother NaN\n",
        NOW - 400_000
    );
    let metrics = watched.follow(0, &page);
    assert_eq!(metrics.role(Role::Requests).expect("found").series, 2);
    // The rule of the errors matches none of them.
    let causes = "4 with an unusable value (NaN, infinite, negative or no number); 2 with a timestamp far from now; 1 duplicate";
    assert_eq!(metrics.scrape.samples, 10);
    assert_eq!(metrics.scrape.dropped.to_string(), causes);
    assert!(metrics.role(Role::QueueDepth).is_none());
}

#[test]
fn a_metric_without_a_usable_sample_is_unknown() {
    let old = format!("5 {}", NOW - 400_000);
    for sample in ["NaN", "-1", "+Inf", &old] {
        let page = format!(
            "# TYPE http_requests_total counter\nhttp_requests_total{{code=\"200\"}} {sample}\n"
        );
        let metrics = Watched::new("").follow(0, &page);
        assert_eq!(metrics.role(Role::Requests), None, "{sample}");
        assert_eq!(metrics.scrape.dropped.total(), 1, "{sample}");
    }
}

#[test]
fn pages_are_bounded() {
    let watched = Watched::new("");
    let many: Vec<String> = (0..scan::KEPT_MAX + 10)
        .map(|n| format!("queue_depth{{n=\"{n}\"}} 1\n"))
        .collect();
    let metrics = Watched::new("").follow(0, &(many.concat() + "circuit_breaker_open 1\n"));
    let queue = metrics.role(Role::QueueDepth).expect("found");
    assert_eq!((queue.series, &queue.value), (0, &None));
    assert!(metrics.scrape.dropped.total() > scan::KEPT_MAX as u64);
    let long = format!(
        "queue_depth{{x=\"{}\"}} 5\nqueue_depth 2\n",
        "y".repeat(1 << 20)
    );
    let metrics = Watched::new("").follow(0, &long);
    assert!(close(metrics.number(Role::QueueDepth), 2.0), "{metrics:?}");
    assert_eq!(metrics.scrape.dropped.total(), 1);
    let unended = format!("queue_depth 2\nqueue_depth{{x=\"{}", "y".repeat(1 << 20));
    assert_eq!(watched.read(&unended).expect("valid").dropped.total(), 1);
    let lines = "\n".repeat(1_000_001);
    let refused = watched.read(&lines).expect_err("too many");
    assert!(refused.contains("more than 1000000 lines"), "{refused}");
}

#[test]
fn the_last_line_needs_no_line_break_and_an_invalid_one_is_reported() {
    let watched = Watched::new("");
    assert_eq!(watched.read("a 1\nb 2").expect("valid").samples, 2);
    assert!(
        watched
            .read("a 1\nb x\n")
            .expect_err("invalid")
            .starts_with("line 2: `x`")
    );
    let crlf = watched.read("a 1\r\n").expect_err("invalid");
    assert!(crlf.contains("CR LF"), "{crlf}");
}

#[test]
fn any_state_that_is_not_0_is_open() {
    let mut watched = Watched::new("");
    let metrics = watched.follow(
        0,
        "circuit_breaker_open{b=\"x\"} 0\ncircuit_breaker_open{b=\"y\"} 2\n",
    );
    assert!(close(metrics.number(Role::CircuitBreakerOpen), 1.0));
    let view = metrics.role(Role::CircuitBreakerOpen).expect("found");
    assert_eq!(view.value, Some(RoleValue::Gauge(1.0)));
}

#[test]
fn a_breaker_of_an_exporter_whose_target_comes_back_has_not_opened() {
    let tripped = "circuit_breaker_trips_total{name=\"payments\"} 5\n";
    let down = "exporter_up 0\n";
    for pages in [[tripped, down, tripped], [down, down, tripped]] {
        let (mut watched, mut breakers) = (Watched::new(""), Breakers::default());
        for (second, page) in (0..).step_by(10).zip(pages) {
            let scanned = watched.read(page).expect("valid");
            let metrics = watched.follow_scanned(second, &scanned);
            let now = Timestamp(NOW + 10_000);
            let shown = breakers.follow(&watched.plan, &metrics, &scanned, now);
            assert!(shown.is_empty(), "{shown:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn values_are_shown_for_two_and_a_half_intervals_without_a_success() {
    let mut latest = Latest::unknown(&spec(""));
    let found = Watched::new("").follow(0, "queue_depth 3\n");
    latest.take(found, Instant::now());
    let mut failed = ServiceMetrics::unknown("a".into());
    failed.scrape.error = Some("connection refused".to_owned());
    tokio::time::advance(INTERVAL).await;
    latest.take(failed, Instant::now());
    let recent = latest.at(Instant::now(), INTERVAL);
    assert!(close(recent.number(Role::QueueDepth), 3.0), "{recent:?}");
    assert!(recent.scrape.error.is_some());
    tokio::time::advance(INTERVAL * 2).await;
    let old = latest.at(Instant::now(), INTERVAL);
    assert_eq!((old.roles.len(), old.requests_per_second), (0, None));
    assert!(old.scrape.error.is_some());
}
