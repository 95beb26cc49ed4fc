use super::*;
use crate::units::Tz;
use chrono::{FixedOffset, Utc};

const START: Timestamp = Timestamp(1_790_000_000_000);

fn at(seconds: i64) -> Timestamp {
    Timestamp(START.0 + seconds * 1000)
}

fn read(text: &str) -> LogSummary {
    let span = (START, at(180));
    summarize(text.as_bytes(), span, Duration::from_mins(1), Utc).expect("readable")
}

fn time(line: &str, near: Timestamp) -> Option<Timestamp> {
    Times {
        span: (near, near),
        zone: Utc,
    }
    .of(line)
}

#[test]
fn times_of_common_loggers_are_read() {
    let expected = Some(Timestamp(1_790_000_000_250));
    for line in [
        "2026-09-21T14:13:20.250Z ERROR x",
        "2026-09-21 14:13:20,250 - app - ERROR - x",
        "[2026-09-21 16:13:20.250 +0200] x"
            .replace(" +0200", "+0200")
            .as_str(),
        "time=\"2026-09-21T16:13:20.250+02:00\" level=error",
        "{\"level\":\"error\",\"timestamp\":\"2026-09-21T14:13:20.250000000Z\"}",
    ] {
        assert_eq!(time(line, START), expected, "{line}");
    }
    for line in [
        "",
        "no time",
        "2026-99-99T99:99:99Z",
        "2026-09-21",
        "\u{fc}2026-09-2",
    ] {
        assert_eq!(time(line, START), None, "{line}");
    }
}

/// Formats of nginx, syslog (RFC 3164 and 5424) and journalctl.
#[test]
fn times_of_servers_and_of_syslog_are_read() {
    let expected = Some(Timestamp(1_790_000_000_000));
    for line in [
        "2026/09/21 14:13:20 [error] 7#7: *1 connect() failed",
        "127.0.0.1 - - [21/Sep/2026:16:13:20 +0200] \"GET / HTTP/1.1\" 200",
        "Sep 21 14:13:20 host app[1]: ERROR x",
        "<34>Sep 21 14:13:20 host app[1]: ERROR x",
        "web | Sep 21 14:13:20.000000 host app[1]: ERROR x",
        "<165>1 2026-09-21T16:13:20.000000+02:00 host app 1 ID47 - x",
        "21-Sep-2026 14:13:20.000 SEVERE [main] org.apache.X x",
        "1:M 21 Sep 2026 14:13:20.000 # x",
        "E0921 14:13:20.000000       1 controller.go:114] x",
        "I20260921 14:13:20.000000  1 x.cc:1] x",
        "2026-09-21 14:13:20.000 UTC [1] LOG:  x",
        "14:13:20.000 [main] ERROR c.x.App - x",
        "[14:13:20 ERR] x",
        "2026-09-21T16:13:20+0200 host app[1]: x",
    ] {
        assert_eq!(time(line, START), expected, "{line}");
    }
    let new_year = Timestamp::from_secs(1_798_761_600);
    let of = |line| time(line, new_year).map(|at| (at.0 - new_year.0) / 1000);
    assert_eq!(of("Dec 31 23:59:59 host app: x"), Some(-1), "last year");
    assert_eq!(of("Jan  1 00:00:01 host app: x"), Some(1));
    for line in [
        "Foo 21 14:13:20 x",
        "xSep 21 14:13:20 x",
        "Feb 30 14:13:20 x",
    ] {
        assert_eq!(time(line, START), None, "{line}");
    }
}

#[test]
fn lines_of_the_journal_have_the_level_of_their_entries() {
    let entry = |priority: u8, message: &str| {
        format!(
            "{{\"_PID\":\"1\",\"PRIORITY\":\"{priority}\",\"MESSAGE\":{message},\"__REALTIME_TIMESTAMP\":\"1790000000000000\"}}\n"
        )
    };
    let text = [
        entry(3, "\"the disk is full\""),
        entry(6, "\"no error\""),
        entry(4, "[104, 105, 255]"),
        "{\"MESSAGE\":\"no time\"}\n".to_owned(),
    ];
    let found = read(&text.concat());
    let kinds: Vec<_> = found
        .kinds
        .iter()
        .map(|one| (one.kind, one.count))
        .collect();
    assert_eq!(kinds, [(LogKind::Error, 1), (LogKind::Warning, 1)]);
    assert_eq!(found.kinds[0].messages[0].0, "error: the disk is full");
}

#[test]
fn the_highest_levels_of_nginx_are_errors() {
    for level in ["error", "crit", "alert", "emerg"] {
        let line = format!("2026/09/21 14:13:20 [{level}] 7#7: *1 open() failed");
        assert_eq!(LogKind::of(&line), Some(LogKind::Error), "{line}");
    }
    let notice = "2026/09/21 14:13:20 [notice] 7#7: signal process started";
    assert_eq!(LogKind::of(notice), None);
}

#[test]
fn each_line_has_the_kind_that_says_most() {
    for (kind, lines) in [
        (
            Some(LogKind::CircuitBreaker),
            &[
                "WARN circuit breaker 'llm' is now OPEN",
                "level=info msg=\"circuit breaker open\"",
            ][..],
        ),
        (
            Some(LogKind::SlowQuery),
            &["LOG:  duration: 1234.5 ms  statement: SELECT 1"][..],
        ),
        (
            Some(LogKind::PoolExhausted),
            &[
                "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached",
                "FATAL: remaining connection slots are reserved",
            ][..],
        ),
        (
            Some(LogKind::Timeout),
            &["ERROR upstream request timeout"][..],
        ),
        (
            Some(LogKind::Error),
            &[
                "level=error msg=\"no route\"",
                "Traceback (most recent call last):",
                "\"GET /info HTTP/1.1\" 500 Internal Server Error",
                "[ERR] connection failed",
                "ERROR no warning was given",
                "INFO:     127.0.0.1:1 - \"GET / HTTP/1.1\" 503 Service Unavailable",
            ][..],
        ),
        (
            Some(LogKind::Warning),
            &[
                "WARNING: disk is at 91%",
                "WARN request error, retrying",
                "{\"severity\":\"WARNING\",\"message\":\"an error occurred\"}",
            ][..],
        ),
        (
            None,
            &[
                "INFO: GET /errors 200 OK, timeout=30",
                "2026-09-21 14:13:20.250 +00:00 [INF] 0 errors",
                "::1 - - [x] \"GET /errors/timeout HTTP/1.1\" 200 17",
                "ready",
            ][..],
        ),
    ] {
        for line in lines {
            assert_eq!(LogKind::of(line), kind, "{line}");
        }
    }
}

#[test]
fn lines_are_counted_by_window_and_message() {
    let text = "2026-09-21T14:13:19Z ERROR before the span
2026-09-21T14:13:20Z ERROR order 17 failed after 3 attempts
2026-09-21T14:13:25Z ERROR order 4711 failed after 2 attempts
2026-09-21T14:13:26Z ERROR order 4712 failed
2026-09-21T14:15:20Z ERROR order 5 failed after 3 attempts
2026-09-21T14:15:20Z INFO all is well
2026-09-21T14:16:20Z ERROR after the span
";
    let summary = read(text);
    assert_eq!(
        (summary.lines, summary.outside, summary.without_time),
        (7, 2, 0)
    );
    assert_eq!(summary.kinds.len(), 1);
    let errors = &summary.kinds[0];
    assert_eq!(
        (errors.count, errors.windows.as_slice()),
        (4, &[3, 0, 1][..])
    );
    let first = ("ERROR order N failed after N attempts".to_owned(), 3);
    assert_eq!(errors.messages.first(), Some(&first));
    let shown =
        "errors: 4, at most 3 in 1m (at 0 s after the start)\n      3 x ERROR order N failed";
    assert!(summary.to_text().contains(shown), "{}", summary.to_text());
}

#[test]
fn hostile_logs_are_bounded() {
    let long = format!("2026-09-21T14:13:20Z ERROR {}\n", "x".repeat(1 << 20));
    let mut text = format!("\u{1b}[31mno time\n{long}");
    for number in 0..5_000 {
        let word: String = (0..6)
            .map(|bit| if number >> bit & 1 == 1 { 'a' } else { 'b' })
            .collect();
        let line = "y".repeat(number % 100);
        let line = format!("2026-09-21T14:13:21Z ERROR {word}{line}\u{1b}[2J\n");
        text.push_str(&line);
    }
    let summary = read(&text);
    assert_eq!((summary.lines, summary.without_time), (5_002, 1));
    assert_eq!(summary.kinds[0].count, 5_001);
    let shown = &summary.kinds[0].messages;
    assert!(shown.len() == SHOWN && shown.iter().all(|(text, _)| !text.contains('\u{1b}')));
}

/// Names in frames, such as `ExceptionTranslationFilter`, are not errors.
#[test]
fn a_stack_trace_belongs_to_its_entry() {
    let java = "2026-09-21 14:13:20.500 ERROR 1 --- [nio-1] c.x.App : failed

java.lang.RuntimeException: boom
\tat org.springframework.web.access.ExceptionTranslationFilter.doFilter(X.java:121)
\tat com.x.ErrorPageFilter.doFilter(ErrorPageFilter.java:130)
Caused by: java.sql.SQLException: x
\t... 30 common frames omitted
2026-09-21 14:13:20.600  INFO 1 --- next
";
    let python = "2026-09-21 14:13:20,500 ERROR app failed
Traceback (most recent call last):
  File \"/app/errors.py\", line 3, in f
    raise ValueError(\"error\")
sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached
";
    let unleveled = "2026-09-21 14:13:20,500 handling a request
Traceback (most recent call last):
  File \"/app/x.py\", line 3, in f
ValueError: x
";
    for (text, kind, message) in [
        (java, LogKind::Error, "ERROR N --- [nio-N] c.x.App : failed"),
        (
            python,
            LogKind::PoolExhausted,
            "sqlalchemy.exc.TimeoutError: QueuePool limit of size N overflow N reached",
        ),
        (unleveled, LogKind::Error, "ValueError: x"),
    ] {
        let found = read(text);
        let kinds: Vec<_> = found
            .kinds
            .iter()
            .map(|one| (one.kind, one.count))
            .collect();
        assert_eq!(kinds, [(kind, 1)], "{text}");
        assert_eq!(found.kinds[0].messages, [(message.to_owned(), 1)]);
    }
}

#[test]
fn entries_in_json_are_read() {
    let found = read(
        "{\"level\":50,\"time\":1790000000250,\"msg\":\"refused\"}
{\"level\":30,\"time\":1790000000250,\"msg\":\"the error rate is 0\"}
",
    );
    assert_eq!(found.without_time, 0);
    assert_eq!(found.kinds.len(), 1);
    assert_eq!(found.kinds[0].messages, [("error: refused".to_owned(), 1)]);
}

#[test]
fn responses_in_an_access_log_are_counted_by_status() {
    let line = |status: u16| {
        format!("::1 - - [21/Sep/2026:14:13:20 +0000] \"GET /a/7 HTTP/1.1\" {status} 17\n")
    };
    let found = read(&[line(500), line(502), line(500), line(200)].concat());
    let messages = [
        ("500 GET /a/N".to_owned(), 2),
        ("502 GET /a/N".to_owned(), 1),
    ];
    assert_eq!(found.kinds[0].messages, messages);
}

#[test]
fn colors_are_removed() {
    let found = read(
        "\u{1b}[2m2026-09-21T14:13:20.5Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m the error budget is fine
\u{1b}[2m2026-09-21T14:13:20.5Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m x\u{1b}[
",
    );
    assert_eq!(found.kinds[0].messages, [("ERROR x".to_owned(), 1)]);
}

#[test]
fn times_without_a_zone_are_local() {
    let berlin = FixedOffset::east_opt(7200).expect("a zone");
    let text = "2026/09/21 16:13:20 [error] 7#7: x\n2026-09-21 14:13:20 UTC ERROR x\n";
    let at = (Timestamp(START.0 + 250), at(180));
    let found = summarize(text.as_bytes(), at, Duration::from_mins(1), berlin).expect("readable");
    assert_eq!((found.outside, found.kinds[0].count), (0, 2));
    // The clock is set back at 01:00 UTC: 02:30 occurs twice.
    let zone = Tz::named("Europe/Berlin").expect("a zone");
    for near in [1_792_888_200_000, 1_792_891_800_000].map(Timestamp) {
        let times = Times {
            span: (near, near),
            zone,
        };
        assert_eq!(times.of("2026-10-25 02:30:00 x"), Some(near));
    }
    let times = Times {
        span: (START, START),
        zone,
    };
    let skipped = times.of("2026-03-29 02:30:00 x");
    assert_eq!(skipped, Some(Timestamp(1_774_747_800_000)));
}

#[test]
fn a_log_from_another_time_says_when_it_is_from() {
    let summary = read("2026-09-20T14:13:19Z ERROR x\n2026-09-20T15:00:00Z ERROR x\n");
    let shown = "no line is from the time of the run: the log is from 2026-09-20 14:13:19 to 2026-09-20 15:00:00 UTC";
    assert!(summary.to_text().contains(shown), "{}", summary.to_text());
}

/// One begins at 14:13:20 and ends on the next day, the other in the hour that the end of summer time repeats.
#[test]
fn times_of_a_long_run_are_within_it() {
    let of = |line: &str, hours: i64| {
        let times = Times {
            span: (START, at(hours * 3600)),
            zone: Utc,
        };
        times.of(line)
    };
    let morning = Some(at((24 - 14 + 11) * 3600 - 13 * 60 - 20));
    assert_eq!(of("11:00:00.000 ERROR x", 22), morning);
    assert_eq!(of("14:13:20 ERROR x", 22), Some(START));
    let zone = Tz::named("Europe/Berlin").expect("a zone");
    // From 02:10 to the second 02:10, at 01:10 UTC.
    let from = Timestamp(1_792_887_000_000);
    let times = Times {
        span: (from, Timestamp(from.0 + 3_600_000)),
        zone,
    };
    let second = Some(Timestamp(from.0 + 55 * 60_000));
    assert_eq!(times.of("2026-10-25 02:05:00 x"), second);
}
