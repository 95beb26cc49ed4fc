//! Follows a running tool: its output becomes one-second windows soon after each second has ended.

use super::collect::Collector;
use super::{k6, locust_counts};
use crate::load::{LoadWindow, RequestFigures, Scenario};
use crate::outcome::{Cause, Timestamp};
use std::time::Duration;

/// Seconds after the end of the plan in which requests may still end. Later timestamps are wrong.
const AFTER_MAX: i64 = 600;

/// The tools that can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// `k6 run --out json=/dev/stdout`.
    K6,
    /// A locustfile that reports its counts.
    Locust,
}

#[derive(Debug)]
pub struct Follower {
    tool: Followed,
    scenario: Scenario,
    collector: Collector,
    /// Number of windows returned so far.
    taken: i64,
    workers: Option<u64>,
}

impl Follower {
    /// `names` are the requests that are counted separately.
    pub fn new(tool: Followed, scenario: Scenario, names: Vec<String>) -> Self {
        let mut collector = Collector::following();
        collector.name(names);
        Self {
            tool,
            scenario,
            collector,
            taken: 0,
            workers: None,
        }
    }

    /// Processes a line of output. Returns whether it was a result.
    pub fn line(&mut self, line: &str) -> bool {
        match self.tool {
            Followed::K6 => line.starts_with('{') && k6::json(line, &mut self.collector).is_ok(),
            Followed::Locust => match locust_counts::line(line, &mut self.collector) {
                Some(report) => {
                    self.workers = report.workers.or(self.workers);
                    true
                }
                None => false,
            },
        }
    }

    /// When the load began; `None` before that.
    pub const fn began(&self) -> Option<Timestamp> {
        self.collector.began()
    }

    /// When the last request ended, since the start.
    pub fn ended(&self) -> Option<Duration> {
        self.collector.ended()
    }

    /// Number of running workers, if the tool reports it.
    pub const fn workers(&self) -> Option<u64> {
        self.workers
    }

    /// The windows that have ended by a time, in order and without gaps.
    pub fn windows(&mut self, at: Timestamp) -> Vec<LoadWindow> {
        let Some(began) = self.began() else {
            return Vec::new();
        };
        self.up_to(at.0.saturating_sub(began.0).div_euclid(1000))
    }

    /// The remaining windows after the tool has ended.
    pub fn rest(&mut self) -> Vec<LoadWindow> {
        let last = self.collector.last();
        last.map_or_else(Vec::new, |last| self.up_to(last.saturating_add(1)))
    }

    fn up_to(&mut self, number: i64) -> Vec<LoadWindow> {
        let length = i64::try_from(self.scenario.length().as_secs()).unwrap_or(i64::MAX);
        let number = number.min(length.saturating_add(AFTER_MAX + 1));
        let count = number - self.taken;
        self.taken = number.max(self.taken);
        (0..count)
            .map(|_| {
                let window = self.collector.take();
                self.planned(window)
            })
            .collect()
    }

    /// A description of the first failure of each cause.
    pub fn examples(&self) -> Vec<(Cause, String)> {
        self.collector.examples().to_vec()
    }

    /// The figures of each request.
    pub fn requests(&mut self) -> Vec<RequestFigures> {
        self.collector.take_named()
    }

    fn planned(&self, window: LoadWindow) -> LoadWindow {
        let middle = window.start + window.length / 2;
        let last_stage = self.scenario.stages.len().saturating_sub(1);
        let (stage, due) = self.scenario.at(middle).unwrap_or((last_stage, 0.0));
        LoadWindow {
            stage,
            due,
            ..window
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{RetryAfter, builtin};

    fn follower(tool: Followed) -> Follower {
        let scenario = builtin("spike", 1.0).expect("built in");
        Follower::new(tool, scenario, vec!["home".to_owned(), "chat".to_owned()])
    }

    fn counts(windows: &[LoadWindow]) -> Vec<(u64, u64, f64)> {
        let each = windows.iter();
        each.map(|one| (one.completed(), one.errors(), one.active))
            .collect()
    }

    #[test]
    fn rate_limits_have_what_they_ask_for() {
        let k6 = |asked: &str| {
            format!(
                r#"{{"metric":"checks","type":"Point","data":{{"time":"2026-09-21T12:13:20.5Z","value":0,"tags":{{"check":"status is as expected","name":"home","retry_after":"{asked}"}}}}}}"#
            )
        };
        let locust = |asked: &str| {
            format!(
                r#"{{"slod_load": [[1790000000.3, "home", "CatchResponseError: status 429{asked}", 12.5, 1]], "at": 1790000000.6, "users": 1}}"#
            )
        };
        let waits = |shortest, longest| {
            let seconds = Duration::from_secs;
            Some((seconds(shortest), seconds(longest)))
        };
        let read = |tool, lines: &[String]| {
            let mut one = follower(tool);
            assert!(lines.iter().all(|line| one.line(line)));
            let examples = one.examples();
            (one.requests().remove(0), examples)
        };
        let all = ["30", "2", "date", "none"].map(k6);
        let expected = RetryAfter {
            count: 3,
            waits: waits(2, 30),
        };
        assert_eq!(read(Followed::K6, &all).0.retry_after, Some(expected));
        let all = [
            ", Retry-After: 30",
            ", Retry-After: 2",
            ", Retry-After: a date",
            " without Retry-After",
        ];
        let (home, examples) = read(Followed::Locust, &all.map(locust));
        assert_eq!(home.retry_after, Some(expected));
        assert_eq!(home.failed, [(Cause::RateLimited, 4)]);
        let first = "status 429, Retry-After: 30".to_owned();
        assert_eq!(examples, [(Cause::RateLimited, first)]);
        let none = read(Followed::Locust, &[locust(" without Retry-After")]);
        assert_eq!(none.0.retry_after, Some(RetryAfter::default()));
        // From other scripts.
        let other = read(Followed::Locust, &[locust("0")]);
        assert_eq!(other.0.retry_after, None);
    }

    /// In the format of output/json/wrapper.go in k6.
    const K6: [&str; 6] = [
        r#"{"type":"Metric","data":{"name":"http_reqs","type":"counter","contains":"default","thresholds":["count>0"],"submetrics":null},"metric":"http_reqs"}"#,
        r#"{"metric":"vus","type":"Point","data":{"time":"2026-09-21T12:13:20.100Z","value":10,"tags":null}}"#,
        r#"{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T12:13:20.5Z","value":100.0,"tags":{"expected_response":"true","group":"","method":"GET","name":"home","proto":"HTTP/1.1","scenario":"spike","status":"200","url":"http://127.0.0.1/"}}}"#,
        r#"{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T12:13:21.2Z","value":7.5,"tags":{"expected_response":"false","name":"home","status":"503","error_code":"1503"}}}"#,
        r#"{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T12:13:22.2Z","value":7.5,"tags":{"expected_response":"true","name":"chat","status":"200"}}}"#,
        r#"{"metric":"checks","type":"Point","data":{"time":"2026-09-21T12:13:22.2Z","value":0,"tags":{"check":"token is captured","name":"chat"}}}"#,
    ];

    #[test]
    fn k6_becomes_windows_soon_after_they_are_over() {
        let mut one = follower(Followed::K6);
        assert_eq!(one.began(), None);
        assert!(!one.line("time=\"2026-09-21T12:13:19Z\" level=warning msg=\"x\""));
        assert!(K6.iter().all(|line| one.line(line)));
        let began = one.began().expect("it began");
        assert_eq!(began.to_utc().to_rfc3339(), "2026-09-21T12:13:20.100+00:00");
        let at = |second: i64| Timestamp(began.0 + second * 1000 + 999);
        assert!(one.windows(at(0)).is_empty());
        let first = one.windows(at(2));
        assert_eq!(counts(&first), [(1, 0, 10.0), (1, 1, 10.0)]);
        assert_eq!((first[1].stage, first[1].due), (0, 10.0));
        // Late results are not lost.
        assert!(one.line(K6[2]));
        let rest = one.rest();
        assert_eq!(counts(&rest), [(2, 1, 10.0)]);
        assert_eq!(rest[0].failed, [(Cause::Body, 1)]);
        assert!(one.rest().is_empty());
        let requests = one.requests();
        assert_eq!((requests[0].good, requests[0].errors()), (2, 1));
        assert_eq!((requests[1].good, requests[1].errors()), (0, 1));
        assert_eq!(requests[1].missing, [("token".to_owned(), 1)]);
        let first = |cause, words: &str| (cause, words.to_owned());
        let expected = [
            first(Cause::Status, "status 503"),
            first(Cause::Body, "the response has no value for `token`"),
        ];
        assert_eq!(one.examples(), expected);
    }

    #[test]
    fn a_run_of_k6_begins_when_its_script_says_so() {
        let mut one = follower(Followed::K6);
        let began = r#"{"metric":"slod_began","type":"Point","data":{"time":"2026-09-21T12:13:18.1Z","value":1,"tags":null}}"#;
        assert!(one.line(began) && one.line(K6[1]) && one.line(K6[2]));
        let began = one.began().expect("it began");
        assert_eq!(began.to_utc().to_rfc3339(), "2026-09-21T12:13:18.100+00:00");
        // The number of users is first known after the first seconds.
        assert_eq!(
            counts(&one.rest()),
            [(0, 0, 10.0), (0, 0, 10.0), (1, 0, 10.0)]
        );
        assert_eq!(one.ended(), Some(Duration::from_millis(2400)));
    }

    #[test]
    fn locust_becomes_windows_with_its_workers() {
        let mut one = follower(Followed::Locust);
        assert!(!one.line("[2026-09-21 12:13:19] INFO/locust.main: Starting Locust 2.32.0"));
        assert!(one.line(r#"{"slod_load": [], "at": 1790000000.1, "users": 0, "workers": 2}"#));
        let seen = r#"{"slod_load": [[1790000000.3, "home", null, 12.5, 3], [1790000001.3, "home", "CatchResponseError: status 503", 4.0, 2], [1790000001.3, "chat", "ConnectionRefusedError: [Errno 111] Connection refused", 1.0, 1], [1790000001.3, "chat", "CatchResponseError: no value for token to capture", 1.0, 1]], "at": 1790000001.6, "users": 20, "workers": 1, "received": {"home": 60, "chat": 5}}"#;
        assert!(one.line(seen));
        assert!(one.line(r#"{"slod_load": [], "at": 1790000002.1, "users": 0, "workers": null}"#));
        assert_eq!(one.workers(), Some(1));
        assert_eq!(one.began(), Some(Timestamp(1_790_000_000_100)));
        let windows = one.rest();
        assert_eq!(counts(&windows), [(3, 0, 0.0), (4, 4, 20.0), (0, 0, 0.0)]);
        let failed = [(Cause::Refused, 1), (Cause::Status, 2), (Cause::Body, 1)];
        let mut found = windows[1].failed.clone();
        found.sort_unstable();
        let mut failed = failed.to_vec();
        failed.sort_unstable();
        assert_eq!(found, failed);
        let requests = one.requests();
        assert_eq!(requests[1].missing, [("token".to_owned(), 1)]);
        assert_eq!((requests[0].good, requests[0].errors()), (3, 2));
        assert_eq!(requests[0].transferred.received, Some(60));
        assert_eq!(windows[1].transferred.received, Some(65));
    }

    #[test]
    fn a_time_that_is_far_away_makes_no_endless_run() {
        let mut one = follower(Followed::Locust);
        one.line(r#"{"slod_load": [[1790000000, "home", null, 1, 1], [1890000000, "home", null, 1, 1]], "at": 1790000000, "users": 1}"#);
        assert_eq!(one.rest().len(), 300 + 600 + 1);
        // Neither does a first time that is long ago.
        let mut one = follower(Followed::Locust);
        one.line(r#"{"slod_load": [], "at": 1, "users": 1}"#);
        let windows = one.windows(Timestamp::from_secs(1_890_000_000));
        assert_eq!(windows.len(), 300 + 600 + 1);
    }
}
