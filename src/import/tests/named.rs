//! Figures by the names of requests, and descriptions of failures.

use super::*;
use crate::load::RetryAfter;

/// Name, completed and failed requests.
fn named(run: &RunRecord) -> Vec<(&str, u64, u64)> {
    let each = run.requests.iter();
    each.map(|one| (one.name.as_str(), one.completed(), one.errors()))
        .collect()
}

const K6_CSV: &str = "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags
";

#[test]
fn requests_of_k6_are_counted_by_name_with_failed_checks_and_retry_after() {
    let text = format!(
        "{K6_CSV}http_req_duration,1790000000,20,,,,true,,GET,home,HTTP/1.1,s,,200,,,http://a,
http_req_duration,1790000000,20,,,,true,,GET,chat,HTTP/1.1,s,,200,,,http://a,
checks,1790000000,0,token is captured,,,,,,chat,,s,,,,,,
http_req_duration,1790000000,20,,,1429,false,,GET,chat,HTTP/1.1,s,,429,,,http://a,
checks,1790000000,0,status is as expected,,,,,,chat,,s,,,,,,a=1&retry_after=30
http_req_duration,1790000001,1,,\"Get \"\"http://a/?key=s\"\": dial: connection refused\",1212,false,,GET,home,,s,,0,,,http://a,
"
    );
    let run = read(Tool::K6, &text).expect("readable");
    assert_eq!(named(&run), [("home", 2, 1), ("chat", 2, 2)]);
    assert_eq!(run.requests[1].missing, [("token".to_owned(), 1)]);
    let wait = Duration::from_secs(30);
    let waits = Some((wait, wait));
    assert_eq!(run.retry_after(), Some(RetryAfter { count: 1, waits }));
    let expected = [
        (Cause::Body, "the response has no value for `token`"),
        (Cause::RateLimited, "status 429"),
        (Cause::Refused, "dial: connection refused"),
    ];
    for (cause, words) in expected {
        assert_eq!(run.example(cause), Some(words));
    }
}

#[test]
fn too_many_names_are_not_counted() {
    let csv = |names: u32| {
        let line = |number| {
            format!("http_req_duration,1790000000,20,,,,true,,GET,http://a/{number},,s,,200,,,,\n")
        };
        let text = format!("{K6_CSV}{}", (0..names).map(line).collect::<String>());
        let run = read(Tool::K6, &text).expect("readable");
        (run.requests.len(), run.windows[0].good)
    };
    assert_eq!(csv(50), (50, 50));
    assert_eq!(csv(51), (0, 51));
    assert_eq!(csv(200), (0, 200));
}

#[test]
fn samples_of_jmeter_are_counted_by_their_label() {
    let text = "timeStamp,elapsed,label,responseCode,responseMessage,success,allThreads
1790000000100,50,home,200,OK,true,2
1790000000200,50,chat,429,Too Many Requests,false,2
1790000000300,50,home,200,OK,true,2
";
    let run = read(Tool::JMeter, text).expect("readable");
    assert_eq!(named(&run), [("home", 2, 0), ("chat", 1, 1)]);
    assert_eq!(run.example(Cause::RateLimited), Some("status 429"));
    assert_eq!(run.retry_after(), None);
}
