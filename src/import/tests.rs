mod locust;
mod named;
mod totals;

use super::*;
use crate::outcome::Cause;
use crate::stats::scale::Scale;
use crate::units::whole;

const START: Timestamp = Timestamp(1_790_000_000_000);

fn read(tool: Tool, text: &str) -> Result<RunRecord, String> {
    let run = tool.read(text.as_bytes(), "rag", START);
    run.map_err(|error| error.to_string())
}

/// Received and sent bytes of all windows.
fn bytes(run: &RunRecord) -> (Option<u64>, Option<u64>) {
    let all = crate::load::Figures::of(&run.windows).transferred;
    (all.received, all.sent)
}

/// Completed and failed requests and the highest latency in milliseconds, by second.
fn seconds(run: &RunRecord) -> Vec<(u64, u64, u64)> {
    let scale = Scale::new([]);
    let each = run.windows.iter().map(|window| {
        let codes = window.latency.iter();
        let highest = codes.map(|(code, _)| scale.middle(code)).max();
        let highest = highest.unwrap_or_default().as_secs_f64() * 1000.0;
        (window.completed(), window.errors(), whole(highest))
    });
    each.collect()
}

#[test]
fn k6_json_has_requests_users_and_dropped_starts() {
    let text = r#"{"type":"Metric","data":{"name":"http_req_duration","type":"trend","contains":"time","thresholds":[],"submetrics":null},"metric":"http_req_duration"}
{"metric":"vus","type":"Point","data":{"time":"2026-09-21T12:13:20.100Z","value":10,"tags":null}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T12:13:20.5Z","value":100.0,"tags":{"expected_response":"true","status":"200"}}}
{"metric":"http_req_waiting","type":"Point","data":{"time":"2026-09-21T12:13:20.5Z","value":99.0,"tags":{"status":"200"}}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T14:13:22.9+02:00","value":60000,"tags":{"expected_response":"false","status":"0","error_code":"1050"}}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T12:13:22Z","value":5,"tags":{"expected_response":"false","status":"503","error_code":"1503"}}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T12:13:22Z","value":5,"tags":{"expected_response":"true","status":"404","error_code":"1404"}}}
{"metric":"dropped_iterations","type":"Point","data":{"time":"2026-09-21T12:13:22Z","value":7,"tags":null}}
"#;
    let run = read(Tool::K6, text).expect("readable");
    assert_eq!(run.from.to_utc().to_rfc3339(), "2026-09-21T12:13:20+00:00");
    assert_eq!(run.engine, "k6");
    let seen = seconds(&run);
    assert_eq!(
        seen.iter().map(|one| (one.0, one.1)).collect::<Vec<_>>(),
        [(1, 0), (0, 0), (3, 2)]
    );
    assert_eq!(
        run.windows[2].failed,
        [(Cause::Timeout, 1), (Cause::Status, 1)]
    );
    assert_eq!((run.windows[2].active, run.windows[2].dropped), (10.0, 7));
}

#[test]
fn errors_of_clients_have_the_causes_of_probes() {
    for (error, cause) in [
        ("EOF", Cause::Closed),
        ("Get \"http://127.0.0.1:7820/\": EOF", Cause::Closed),
        (
            "Get \"http://dns.test/timeout\": read: connection reset by peer",
            Cause::Reset,
        ),
        ("http: server closed idle connection", Cause::Closed),
        ("HTTPConnectionClosed: connection closed.", Cause::Closed),
        ("connection closed before message completed", Cause::Closed),
        (
            "Remote end closed connection without response",
            Cause::Closed,
        ),
        ("unexpected EOF", Cause::Protocol),
        ("HTTPParseError: Invalid http response", Cause::Protocol),
        ("read: connection reset by peer", Cause::Reset),
        ("write: broken pipe", Cause::Reset),
        ("dial: i/o timeout", Cause::Timeout),
        (
            "dial tcp 127.0.0.1:1: connect: connection refused",
            Cause::Refused,
        ),
    ] {
        assert_eq!(failures::cause_of(error), cause, "{error}");
    }
}

#[test]
fn a_run_is_as_long_as_its_requests_if_their_times_are_exact() {
    let point = |at: &str| {
        format!(
            "{{\"metric\":\"http_req_duration\",\"type\":\"Point\",\"data\":{{\"time\":\"2026-09-21T12:13:{at}Z\",\"value\":100,\"tags\":{{\"status\":\"200\"}}}}}}\n"
        )
    };
    let lengths = |text: &str| {
        let run = read(Tool::K6, text).expect("readable");
        let each = run.windows.iter();
        let spans = each.map(|one| (one.start.as_millis(), one.length.as_millis()));
        (run.from.to_utc().to_rfc3339(), spans.collect::<Vec<_>>())
    };
    let text = [point("20.7"), point("21.5"), point("22.25")].concat();
    let (from, spans) = lengths(&text);
    assert_eq!(from, "2026-09-21T12:13:20.600+00:00");
    assert_eq!(spans, [(0, 400), (400, 1000), (1400, 250)]);
    let (_, spans) = lengths(&[point("20"), point("22")].concat());
    assert_eq!(spans, [(0, 1000), (1000, 1000), (2000, 1000)]);
    let (_, spans) = lengths(&[point("20.7"), point("20.8")].concat());
    assert_eq!(spans, [(0, 200)]);
}

#[test]
fn k6_csv_is_read_by_its_header() {
    let text = "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags
http_reqs,1790000000,1.000000,,,,true,,GET,http://a,HTTP/1.1,default,,200,,,http://a,
data_sent,1790000000,90.000000,,,,,,,,,default,,,,,,
data_received,1790000000,250.000000,,,,,,,,,default,,,,,,
http_req_duration,1790000000,221.899000,,,,true,,GET,http://a,HTTP/1.1,default,,200,,,http://a,
http_req_duration,1790000000,1.0,,dial: refused,1212,false,,GET,\"http://a,b\",,default,,0,,,http://a,
";
    let run = read(Tool::K6, text).expect("readable");
    assert_eq!(run.from, START);
    assert_eq!(run.windows[0].failed, [(Cause::Refused, 1)]);
    assert_eq!(run.windows[0].good, 1);
    assert_eq!(bytes(&run), (Some(250), Some(90)));
}

#[test]
fn vegeta_is_read_in_both_forms_by_the_end_of_requests() {
    let csv = "1790000000900000000,200,200000000,0,5,,b2s=,attack,0,GET,http://a,
1790000000100000000,0,30000000000,0,0,\"Get \"\"http://a\"\": context deadline exceeded\",,attack,1,GET,http://a,
";
    let json = r#"{"attack":"","seq":0,"code":200,"timestamp":"2026-09-21T16:13:20.9+02:00","latency":200000000,"bytes_out":0,"bytes_in":5,"error":"","body":null,"method":"GET","url":"http://a","headers":{}}
{"attack":"","seq":1,"code":0,"timestamp":"2026-09-21T14:13:20.1Z","latency":30000000000,"bytes_out":0,"bytes_in":0,"error":"Get \"http://a\": context deadline exceeded","body":null,"method":"GET","url":"http://a","headers":{}}
"#;
    let (one, other) = (read(Tool::Vegeta, csv), read(Tool::Vegeta, json));
    let run = one.clone().expect("readable");
    assert_eq!(one, other);
    assert_eq!(run.from.0, START.0 + 1000);
    assert_eq!((run.windows.len(), run.windows[0].good), (30, 1));
    assert_eq!(bytes(&run), (Some(5), Some(0)));
    assert_eq!(run.windows[29].failed, [(Cause::Timeout, 1)]);
}

#[test]
fn values_in_quotes_have_line_breaks() {
    let csv = "1790000000100000000,0,1000,0,0,\"read: \"\"bad\"\"
second line, with a comma\",,attack,1,GET,http://a,
1790000000200000000,200,1000,0,5,,b2s=,attack,0,GET,http://a,
";
    let run = read(Tool::Vegeta, csv).expect("readable");
    let window = &run.windows[0];
    assert_eq!((window.good, window.errors()), (1, 1));
    // Errors refer to the first line of a record.
    let csv = format!("{csv}x,\"a\nb\"\n");
    let fault = read(Tool::Vegeta, &csv).expect_err("is not valid");
    assert!(fault.starts_with("line 4: "), "{fault}");
    let open = format!("1,\"{}", "a\n".repeat(1 << 19));
    let fault = read(Tool::Vegeta, &open).expect_err("is not valid");
    assert_eq!(fault, "line 1: longer than 1 MiB");
}

#[test]
fn oha_counts_from_the_given_start() {
    let text = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status
0.5,0.001,0.002,0.1,0.11,20,200
1.95,0.001,0.002,0.1,0.11,20,503
";
    let run = read(Tool::Oha, text).expect("readable");
    // The start of the first request.
    assert_eq!(run.from.0, START.0 + 500);
    let counts: Vec<_> = run
        .windows
        .iter()
        .map(|one| (one.completed(), one.errors()))
        .collect();
    assert_eq!(counts, [(1, 0), (0, 0), (1, 1)]);
    assert_eq!(bytes(&run), (Some(40), None));
}

#[test]
fn invalid_results_are_rejected_with_the_line() {
    let header = "Timestamp,User Count,Name,Total Request Count,Total Failure Count,50%\n";
    let cases = [
        (
            Tool::K6,
            "hello\n".to_owned(),
            "line 1: not an output line of `k6 run --out json=FILE` or `--out csv=FILE`; a k6 summary contains no timestamps",
        ),
        (
            Tool::K6,
            "metric_name,value\n".to_owned(),
            "line 1: missing column `timestamp`",
        ),
        (
            Tool::Vegeta,
            "1,2,3\n".to_owned(),
            "line 1: not an output line of `vegeta encode --to csv` or `--to json`",
        ),
        (
            Tool::Locust,
            format!("{header}x,1,Aggregated,1,1,5\n"),
            "line 2: invalid timestamp, users, requests or failures",
        ),
        (
            Tool::Oha,
            "a,b\n".to_owned(),
            "line 1: missing column `request-start`, as in the output of `oha --output-format csv` or `json`",
        ),
        (
            Tool::Oha,
            "request-start,request-duration,status\n-1,1,200\n".to_owned(),
            "line 2: invalid start, duration or status",
        ),
        (Tool::Vegeta, String::new(), "no requests found"),
        (
            Tool::Vegeta,
            "x".repeat(2 << 20),
            "line 1: longer than 1 MiB",
        ),
    ];
    for (tool, text, expected) in cases {
        assert_eq!(read(tool, &text).err().as_deref(), Some(expected));
    }
}

#[test]
fn impossible_times_are_ignored() {
    let far = "9223372036854775807,200,18446744073709551615,0,0,,,,,,\n1,200,1,0,0,,,,,,\n";
    let run = read(Tool::Vegeta, far).expect("readable");
    assert!(run.windows.len() <= 7 * 86_400);
}

#[test]
fn what_is_left_out_is_said() {
    let line = |day: i64| {
        let nanoseconds = (START.0 + day * 86_400_000) * 1_000_000;
        format!("{nanoseconds},200,5000000,0,0,,,,\n")
    };
    let run = read(Tool::Vegeta, &(line(0) + &line(6))).expect("readable");
    assert!(!run.scenario.purpose.contains("left out"));
    let run = read(Tool::Vegeta, &(line(0) + &line(8) + &line(9))).expect("readable");
    assert_eq!(run.windows.len(), 1);
    let purpose = &run.scenario.purpose;
    assert!(purpose.ends_with("are left out: 2"), "{purpose}");
}

/// The keys of oha since 0.6, for a run in which two connections were refused, one request timed out, and one
/// was in progress at the end. Later versions have additional keys.
#[test]
fn times_in_csv_of_k6_have_any_of_its_formats() {
    for (time, from) in [
        ("1790000000", START.0),
        ("1790000000500", START.0 + 400),
        ("1790000000500000", START.0 + 400),
        ("1790000000500000000", START.0 + 400),
        ("2026-09-21T14:13:20.5Z", START.0 + 400),
    ] {
        let text = format!(
            "metric_name,timestamp,metric_value,error_code,status\nhttp_req_duration,{time},100,,200\n"
        );
        let run = read(Tool::K6, &text).expect(time);
        assert_eq!(run.from.0, from, "{time}");
    }
}

#[test]
fn users_may_be_known_before_the_first_request_or_only_later() {
    let users = |at: &str| {
        format!(
            r#"{{"metric":"vus","type":"Point","data":{{"time":"2026-09-21T12:13:{at}Z","value":10,"tags":null}}}}"#
        )
    };
    let request = r#"{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T12:13:20.5Z","value":100.0,"tags":{"expected_response":"true"}}}"#;
    for at in ["18.1", "20.9", "21.1"] {
        let run = read(Tool::K6, &format!("{}\n{request}\n", users(at))).expect(at);
        assert!((run.windows[0].active - 10.0).abs() < 1e-9, "{at}");
    }
}

/// A tool that is killed, for example for lack of memory, leaves a part of a line.
#[test]
fn a_result_that_ends_within_a_line_is_read_up_to_there() {
    let line = r#"{"metric":"http_req_duration","type":"Point","data":{"time":"2026-09-21T12:13:20.5Z","value":100.0,"tags":{"status":"200"}}}"#;
    let text = format!("{line}\n{line}\n{}", &line[..60]);
    let run = read(Tool::K6, &text).expect("readable");
    assert_eq!(run.windows[0].completed(), 2);
    assert!(
        run.scenario
            .purpose
            .ends_with("the end of the run is missing")
    );
    let whole = read(Tool::K6, &format!("{line}\n{line}")).expect("readable");
    assert_eq!(whole.windows[0].completed(), 2);
    assert_eq!(
        whole.scenario.purpose,
        "imported from a result of k6, from its first request to its last response"
    );
    for text in [format!("{line}\n{}\n", &line[..60]), line[..60].to_owned()] {
        let fault = read(Tool::K6, &text).expect_err("invalid");
        assert!(fault.contains("not an output line"), "{fault}");
    }
    let vegeta = "1790000000000000000,200,1000000,0,2,,,\n1790000000000000000,2";
    let run = read(Tool::Vegeta, vegeta).expect("readable");
    assert_eq!(run.windows[0].completed(), 1);
}

#[test]
fn locust_counts_from_zero_after_a_reset() {
    let header = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,100%,Total Request Count,Total Failure Count";
    let line = |second: u64, requests: u64, failures: u64| {
        format!(
            "{},5,,Aggregated,1,0,20,30,{requests},{failures}",
            1_790_000_000 + second
        )
    };
    let text = [
        header.to_owned(),
        line(0, 100, 2),
        line(1, 110, 2),
        line(2, 7, 1),
        line(3, 17, 1),
    ];
    let run = read(Tool::Locust, &(text.join("\n") + "\n")).expect("readable");
    let counts: Vec<_> = seconds(&run).iter().map(|one| (one.0, one.1)).collect();
    assert_eq!(counts, [(100, 2), (10, 0), (7, 1), (10, 0)]);
}

/// Lines of `JMeter` 5.6. Each thread writes its samples when they end, so that their starts are in any order.
#[test]
fn jmeter_samples_are_requests_and_its_transactions_are_not() {
    let text = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect
1790000000100,50,home,200,OK,Users 1-1,text,true,,300,120,2,2,http://h/,49,0,3
1790000000000,1500,\"a, \"\"b\"\"\",503,Service Unavailable,Users 1-2,text,false,,300,120,2,2,http://h/b,49,0,3
1790000000200,7,home,200,OK,Users 1-1,text,false,\"Test failed: text expected
to contain /x/\",300,120,2,2,http://h/,6,0,0
1790000001000,400,home,Non HTTP response code: java.net.SocketTimeoutException,Non HTTP response message: Read timed out,Users 1-1,,false,,0,0,2,2,http://h/,0,0,0
1790000001000,3,home,Non HTTP response code: org.apache.http.conn.HttpHostConnectException,Non HTTP response message: Connect to h:80 failed: Connection refused (Connection refused),Users 1-1,,false,,0,0,2,2,http://h/,0,0,0
1790000001000,3,home,Non HTTP response code: java.net.UnknownHostException,Non HTTP response message: h,Users 1-1,,false,,0,0,2,2,http://h/,0,0,0
1790000000100,57,all,200,\"Number of samples in transaction : 2, number of failing samples : 1\",Users 1-1,,false,,600,240,2,2,null,55,0,3
";
    let run = read(Tool::JMeter, text).expect("readable");
    assert_eq!((run.from, run.engine.as_str()), (START, "jmeter"));
    let counts: Vec<_> = seconds(&run).iter().map(|one| (one.0, one.1)).collect();
    assert_eq!(counts, [(2, 1), (4, 4)]);
    assert_eq!(bytes(&run), (Some(900), Some(360)));
    let home = run.requests[0].transferred;
    assert_eq!((home.received, home.sent), (Some(600), Some(240)));
    assert_eq!(run.windows[0].failed, [(Cause::Body, 1)]);
    let mut failed = run.windows[1].failed.clone();
    failed.sort_unstable();
    let mut causes =
        [Cause::Timeout, Cause::Refused, Cause::Dns, Cause::Status].map(|one| (one, 1));
    causes.sort_unstable();
    assert_eq!(failed, causes);
    assert!((run.windows[0].active - 2.0).abs() < 1e-9);
    assert_eq!(run.windows[0].dropped, 0);
    for text in [
        "<?xml version=\"1.0\"?>\n<testResults>\n",
        "1790000000100,50,home\n",
    ] {
        let fault = read(Tool::JMeter, text).expect_err("no header");
        assert!(fault.contains("output_format=csv"), "{fault}");
    }
    let dated = "timeStamp,elapsed,success\n2026/09/21 14:13:20,50,true\n";
    let fault = read(Tool::JMeter, dated).expect_err("not a number");
    assert_eq!(
        fault,
        "line 2: expected timeStamp and elapsed in milliseconds: run JMeter with `-Jjmeter.save.saveservice.timestamp_format=ms`"
    );
}
