//! Results with only the totals of a run.

use super::*;

fn oha_document(more: &str, percentiles: &str) -> String {
    format!(
        r#"{{
  "summary": {{ "successRate": 0.97, "total": 10.5, "slowest": 0.9, "fastest": 0.01, "average": 0.05,
    "requestsPerSec": 9.8, "totalData": 970, "sizePerRequest": 10, "sizePerSec": 92.4 }},
  "responseTimeHistogram": {{ "0.01": 1, "0.9": 96 }},
  "latencyPercentiles": {{ "p10": 0.02, "p25": 0.03, "p50": 0.05, "p75": 0.06, "p90": 0.1, "p95": 0.2, {percentiles} }},
  {more}
  "rps": {{ "mean": 10, "stddev": 1, "max": 20, "percentiles": {{ "p10": 5 }} }},
  "details": {{ "DNSDialup": {{ "average": null, "fastest": null, "slowest": null }} }},
  "statusCodeDistribution": {{ "200": 95, "429": 3, "503": 2 }},
  "errorDistribution": {{ "connection error: Connection refused (os error 111)": 2, "timeout": 1, "aborted due to deadline": 1 }}
}}
"#
    )
}

#[test]
fn oha_json_includes_unanswered_requests() {
    let old = oha_document("", r#""p99": 0.7"#);
    let more = r#""firstByteHistogram": { "0.01": 97 }, "firstBytePercentiles": { "p10": 0.02 },"#;
    let new = oha_document(more, r#""p99": 0.7, "p99.9": 0.8, "p99.99": 0.85"#);
    for text in [&old, &new, &new.replace('\n', "")] {
        let run = read(Tool::Oha, text).expect("readable");
        assert_eq!((run.from, run.to), (START, Timestamp(START.0 + 10_500)));
        let window = &run.windows[0];
        assert_eq!((window.completed(), window.good), (103, 95));
        assert_eq!(bytes(&run), (Some(970), None));
        let failures = [
            (Cause::Timeout, 1),
            (Cause::Refused, 2),
            (Cause::Status, 2),
            (Cause::RateLimited, 3),
        ];
        assert!(failures.iter().all(|one| window.failed.contains(one)));
        let figures = crate::load::Figures::of(&run.windows);
        // Half of the requests between 0.1 s and 0.2 s are slower.
        let slow = figures.slower_than(Duration::from_millis(150));
        assert!((7..=8).contains(&slow), "{slow}");
        let p50 = figures.quantile(0.5 * 100.0 / 103.0).expect("enough");
        assert!((p50.as_secs_f64() / 0.05 - 1.0).abs() < 0.02, "{p50:?}");
    }
    let fault = read(Tool::Oha, "{\n}\n").expect_err("no document");
    assert!(
        fault.starts_with("line 1: not the start of an `oha"),
        "{fault}"
    );
}

const WRK2: &str = "Running 30s test @ http://127.0.0.1:8000/
  2 threads and 100 connections
  Thread calibration: mean lat.: 9.747ms, rate sampling interval: 21ms
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.46ms    1.93ms  12.34ms   67.66%
    Req/Sec     1.05k     1.12k    2.50k    64.84%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    6.67ms
 75.000%    7.78ms
 90.000%    9.14ms
 99.000%   11.18ms
100.000%   12.50ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       0.921     0.000000            1         1.00
#[Max     =       12.496, Total count    =        39500]
----------------------------------------------------------
  60018 requests in 30.00s, 19.81MB read
  Socket errors: connect 0, read 3, write 1, timeout 2
  Non-2xx or 3xx responses: 12
Requests/sec:   2000.28
Transfer/sec:    676.18KB
";

#[test]
fn wrk_and_wrk2_are_read_from_what_they_print() {
    let plain = WRK2
        .replace(" (HdrHistogram - Recorded Latency)", "")
        .replace(".000%", "%")
        .replace("100%   12.50ms\n", "");
    let both = WRK2.replace(
        "-----\n  60018",
        "-----
  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%    1.00ms
 99.000%    2.00ms
100.000%    3.00ms
-----\n  60018",
    );
    assert_ne!(both, WRK2);
    for (text, all) in [(WRK2, 60_024), (&both, 60_024), (&plain, 60_022)] {
        let run = read(Tool::Wrk, text).expect("readable");
        let window = &run.windows[0];
        assert_eq!(window.length, Duration::from_secs(30));
        assert_eq!((window.completed(), window.errors()), (all, 18));
        // 19.81 MiB
        assert_eq!(bytes(&run), (Some(20_772_291), None));
        let figures = crate::load::Figures::of(&run.windows);
        let p99 = figures.quantile(0.9899 * 60_018.0 / 60_024.0);
        let p99 = p99.expect("enough").as_secs_f64();
        assert!((p99 / 0.01118 - 1.0).abs() < 0.01, "{p99}");
    }
    let fault = read(Tool::Wrk, "Running 30s test\n").expect_err("no end");
    assert!(fault.contains("N requests in T"), "{fault}");
    let quiet: String = WRK2
        .lines()
        .filter(|line| !line.contains('%'))
        .fold(String::new(), |all, line| all + line + "\n");
    let fault = read(Tool::Wrk, &quiet).expect_err("no percentiles");
    assert!(fault.contains("`wrk --latency`"), "{fault}");
}

/// The output of wrk 4.1 with `--timeout 1s` for a service that takes 1.5 s.
#[test]
fn timeouts_of_wrk_are_requests_that_failed() {
    let text = "Running 6s test @ http://127.0.0.1:8000/
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.00us    0.00us   0.00us    -nan%
    Req/Sec     2.00      0.00     2.00    100.00%
  Latency Distribution
     50%    0.00us
     99%    0.00us
  16 requests in 6.04s, 640.00B read
  Socket errors: connect 0, read 0, write 0, timeout 16
Requests/sec:      2.65
Transfer/sec:     105.97B
";
    let run = read(Tool::Wrk, text).expect("readable");
    let window = &run.windows[0];
    assert_eq!((window.completed(), window.good), (16, 0));
    assert_eq!(bytes(&run), (Some(640), None));
    assert_eq!(window.failed, [(Cause::Timeout, 16)]);
    assert_eq!(window.latency.iter().count(), 0);
}

#[test]
fn implausible_numbers_of_requests_are_rejected() {
    let wrk = |requests: u64, errors: u64| {
        format!(
            "    Latency     6.46ms    1.93ms  12.34ms   67.66%
  Latency Distribution
     50%    6.00ms
  {requests} requests in 10.00s, 22.46MB read
  Socket errors: connect 0, read {errors}, write {errors}, timeout 0
"
        )
    };
    assert!(read(Tool::Wrk, &wrk(10, 1)).is_ok());
    for (requests, errors) in [(u64::MAX, 0), (1, u64::MAX), (u64::MAX, u64::MAX)] {
        let fault = read(Tool::Wrk, &wrk(requests, errors)).expect_err("rejected");
        assert!(fault.contains("too many requests"), "{fault}");
    }
}
