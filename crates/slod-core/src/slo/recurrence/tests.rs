use super::*;
use crate::units::DAY_MS;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    let at = DateTime::parse_from_rfc3339(text).expect("a moment");
    Timestamp(at.timestamp_millis())
}

fn rule(text: &str, start: &str, zone: &str) -> Recurrence {
    Recurrence::parse(text, at(start), zone.parse().expect("a zone")).expect("a rule")
}

fn starts(rule: &Recurrence, from: &str, to: &str) -> Vec<String> {
    let show = |at: &Timestamp| at.to_utc().format("%m-%d %H:%M").to_string();
    rule.starts(at(from), at(to)).iter().map(show).collect()
}

#[test]
fn an_hourly_rule_occurs_once_an_hour_when_clocks_change() {
    let rule = rule("FREQ=HOURLY", "2026-03-19T23:15:00Z", "Europe/Berlin");
    let spring = starts(&rule, "2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z");
    assert_eq!(
        spring,
        ["03-28 23:15", "03-29 00:15", "03-29 01:15", "03-29 02:15"]
    );
    let autumn = starts(&rule, "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z");
    assert_eq!(
        autumn,
        ["10-24 23:15", "10-25 00:15", "10-25 01:15", "10-25 02:15"]
    );
}

/// Lord Howe Island changes its clocks by half an hour; elapsed hours are not affected.
#[test]
fn hourly_rules_count_elapsed_hours_across_half_hour_clock_changes() {
    let every_two = rule(
        "FREQ=HOURLY;INTERVAL=2",
        "2026-04-04T00:15:00Z",
        "Australia/Lord_Howe",
    );
    let all = starts(&every_two, "2026-04-04T12:00:00Z", "2026-04-04T20:00:00Z");
    assert_eq!(
        all,
        ["04-04 12:15", "04-04 14:15", "04-04 16:15", "04-04 18:15"]
    );
}

#[test]
fn a_daily_rule_keeps_its_local_hour() {
    let rule = rule("FREQ=DAILY", "2026-03-01T01:30:00Z", "Europe/Berlin");
    // 02:30 is skipped on the 29th: it is interpreted with the offset before.
    let spring = starts(&rule, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z");
    assert_eq!(spring, ["03-28 01:30", "03-29 01:30", "03-30 00:30"]);
    // 02:30 occurs twice on the 25th: the first occurrence counts.
    let autumn = starts(&rule, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z");
    assert_eq!(autumn, ["10-24 00:30", "10-25 00:30", "10-26 01:30"]);
}

#[test]
fn occurrences_with_a_local_end_keep_it_across_clock_changes() {
    let hours = |found: Vec<(Timestamp, Timestamp)>| -> Vec<(String, i64)> {
        let show = |at: Timestamp| at.to_utc().format("%m-%d %H:%M").to_string();
        let minutes = |(from, to): (Timestamp, Timestamp)| (show(to), (to.0 - from.0) / 60_000);
        found.into_iter().map(minutes).collect()
    };
    // Every night from 22:00 to 06:00 in Berlin.
    let (from, to) = ("2026-02-01T21:00:00Z", "2026-02-02T05:00:00Z");
    let plain = rule("FREQ=DAILY", from, "Europe/Berlin");
    let local = plain.clone().ends_at(at(to));
    let length = Duration::from_hours(8);
    let found = |rule: &Recurrence, from, to| hours(rule.occurrences(length, at(from), at(to)));
    let spring = ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    let expected = [
        ("03-29 04:00".to_owned(), 420),
        ("03-30 04:00".to_owned(), 480),
    ];
    assert_eq!(found(&local, spring.0, spring.1), expected);
    let autumn = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    let expected = [
        ("10-25 05:00".to_owned(), 540),
        ("10-26 05:00".to_owned(), 480),
    ];
    assert_eq!(found(&local, autumn.0, autumn.1), expected);
    // The last hour of a long night is found by itself, and nothing after it.
    let last = found(&local, "2026-10-25T04:59:59Z", "2026-10-25T05:00:00Z");
    assert_eq!(last, expected[..1]);
    assert_eq!(
        found(&local, "2026-10-25T05:00:00Z", "2026-10-25T06:00:00Z"),
        []
    );
    // With a fixed length, all nights are equally long.
    let expected = [
        ("10-25 04:00".to_owned(), 480),
        ("10-26 05:00".to_owned(), 480),
    ];
    assert_eq!(found(&plain, autumn.0, autumn.1), expected);
    assert_ne!(plain.to_string(), local.to_string());
}

#[test]
fn an_end_keeps_its_local_time_if_the_start_is_skipped() {
    let occurrence = |zone, from, to, day: &str| {
        let rule = rule("FREQ=DAILY", from, zone).ends_at(at(to));
        let begin = at(&format!("{day}T00:00:00Z"));
        let found = rule.occurrences(
            at(to).since(at(from)),
            begin,
            begin.after(Duration::from_hours(12)),
        );
        let show = |at: Timestamp| at.to_utc().format("%H:%M").to_string();
        let found: Vec<_> = found
            .into_iter()
            .map(|(from, to)| (show(from), show(to)))
            .collect();
        found.into_iter().next().expect("one")
    };
    let span = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let berlin = "Europe/Berlin";
    // From 02:30 to 04:00, and to 03:00. On this day, the first begins at 03:30 and ends as usual.
    let (from, day) = ("2026-03-01T01:30:00Z", "2026-03-29");
    let found = occurrence(berlin, from, "2026-03-01T03:00:00Z", day);
    assert_eq!(found, span("01:30", "02:00"));
    let found = occurrence(berlin, from, "2026-03-01T02:00:00Z", day);
    assert_eq!(found, span("01:30", "02:00"), "it keeps its length");
    // A whole day whose first hour is skipped.
    let (from, to) = ("2026-03-01T05:00:00Z", "2026-03-02T05:00:00Z");
    let rule = rule("FREQ=WEEKLY", from, "America/Havana").ends_at(at(to));
    let day = (at("2026-03-08T00:00:00Z"), at("2026-03-10T00:00:00Z"));
    let found = rule.occurrences(Duration::from_hours(24), day.0, day.1);
    assert_eq!(
        found,
        [(at("2026-03-08T05:00:00Z"), at("2026-03-09T04:00:00Z"))]
    );
}

#[test]
fn the_first_occurrence_is_the_one_that_was_entered() {
    // The second 02:30 of that day.
    let rule = rule(
        "FREQ=DAILY;COUNT=2",
        "2026-10-25T01:30:00Z",
        "Europe/Berlin",
    );
    let all = starts(&rule, "2026-10-24T00:00:00Z", "2026-11-01T00:00:00Z");
    assert_eq!(all, ["10-25 01:30", "10-26 01:30"]);
}

#[test]
fn a_rule_ends_after_its_count_or_day() {
    let start = "2026-11-01T22:00:00Z";
    let all = |text: &str, zone: &str| {
        starts(
            &rule(text, start, zone),
            "2026-10-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
        )
    };
    assert_eq!(
        all("RRULE:FREQ=DAILY;COUNT=2", "UTC"),
        ["11-01 22:00", "11-02 22:00"]
    );
    assert_eq!(
        all("FREQ=DAILY;UNTIL=20261102", "UTC"),
        ["11-01 22:00", "11-02 22:00"]
    );
    // In Kolkata, the first one already begins on the 2nd.
    assert_eq!(
        all("FREQ=DAILY;UNTIL=20261102", "Asia/Kolkata"),
        ["11-01 22:00"]
    );
    let moment = "freq=daily;until=20261102T220000Z";
    assert_eq!(all(moment, "UTC"), ["11-01 22:00", "11-02 22:00"]);
}

#[test]
fn the_newest_occurrences_are_never_lost() {
    let rule = rule("FREQ=HOURLY;BYMINUTE=0,30", "2001-01-01T00:00:00Z", "UTC");
    let last = rule.starts(at("2026-11-27T00:00:00Z"), at("2026-11-28T00:00:00Z"));
    assert_eq!(last.len(), 48);
}

#[test]
fn an_invalid_rule_is_rejected_with_the_reason() {
    let reason = |text: &str| {
        let start = at("2026-11-01T00:00:00Z");
        Recurrence::parse(text, start, Tz::UTC).expect_err("invalid")
    };
    let table = [
        ("FREQ=MINUTELY", "HOURLY is the shortest period"),
        ("FREQ=WEEKLY;EXDATE=20261108T000000", "under `except`"),
        (
            "RRULE:FREQ=WEEKLY\nEXDATE:20261108T000000",
            "under `except`",
        ),
        ("FREQ=DAILY;COUNT=2;UNTIL=20261201", "remove one of them"),
        ("FREQ=DAILY;UNTIL=tomorrow", "a date such as 20261231"),
        ("FREQ=DAILY;UNTIL=20251201", "never occurs"),
        ("FREQ=DAILY;COUNT=0", "from 1 to 10000"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never occurs"),
        ("FREQ=HOURLY;BYMINUTE=0,5,10,15,20,25,30", "168 times a day"),
        ("every sunday", "FREQ"),
        ("BYDAY=SU", "FREQ is missing"),
        ("FREQ=WEEKLY;BYDAY=SUN", "expected days such as SU"),
        ("FREQ=DAILY;BYHOUR=24", "invalid BYHOUR"),
        ("FREQ=DAILY;INTERVAL=x", "invalid INTERVAL `X`"),
        ("FREQ=SOMETIMES", "expected HOURLY, DAILY,"),
        (
            "FREQ=DAILY;BYWEEKNO=3",
            "BYWEEKNO is not valid with FREQ=DAILY",
        ),
    ];
    for (text, expected) in table {
        let reason = reason(text);
        assert!(reason.contains(expected), "{text}: {reason}");
    }
}

const RULES: [&str; 9] = [
    "FREQ=HOURLY;INTERVAL=5",
    "FREQ=HOURLY;BYHOUR=2,3;BYMINUTE=10,40",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SA;WKST=SU",
    "FREQ=MONTHLY;BYDAY=-1SU",
    "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=31,1",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1;BYDAY=MO",
    "FREQ=YEARLY",
];

#[test]
fn a_day_of_the_week_has_at_most_a_number() {
    let parse = |days: &str| {
        let text = format!("FREQ=MONTHLY;BYDAY={days}");
        Recurrence::parse(&text, at("2026-01-01T00:00:00Z"), Tz::UTC).map(|_| ())
    };
    for days in ["SU", "mo, tu", "1SU,-1FR", "+2WE", "5SA"] {
        assert_eq!(parse(days), Ok(()), "{days}");
    }
    for days in [
        "",
        "S",
        "XSU",
        "1.SU",
        "0MO",
        "99MO",
        "\u{fffd}U",
        "SÜ",
        "MO,Uß",
        "SU MO",
    ] {
        let error = parse(days).expect_err(days);
        assert!(error.starts_with("invalid day of the week `"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Includes the rrule crate: anyone who enters a rule could trigger its panics.
    #[test]
    fn any_text_is_a_rule_or_an_error(
        frequency in prop::sample::select(&["", "FREQ=DAILY;", "FREQ=WEEKLY;", "FREQ=MONTHLY;", "FREQ=YEARLY;", "FREQ=HOURLY;"][..]),
        parts in prop::collection::vec(
            ("(BY(DAY|HOUR|MINUTE|SECOND|MONTH|MONTHDAY|YEARDAY|WEEKNO|SETPOS|EASTER)|WKST|COUNT|UNTIL|INTERVAL|FREQ|\\PC{0,4})",
             "(-?[0-9]{1,5}(,-?[0-9]{1,3}){0,3}|-?[0-9]{0,2}(MO|SU)|20[0-9]{6}(T[0-9]{6}Z?)?|\\PC{0,6})"),
            0..4,
        ),
    ) {
        let parts: Vec<_> = parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let start = at("2026-01-31T23:30:00Z");
        let rule = Recurrence::parse(&format!("{frequency}{}", parts.join(";")), start, Tz::UTC);
        if let Ok(rule) = rule {
            let starts = rule.starts(start, Timestamp(start.0 + 400 * DAY_MS));
            prop_assert!(starts.is_sorted());
        }
    }

    /// The time before a range is skipped, but evaluated if occurrences are counted.
    #[test]
    fn skipping_changes_nothing(
        text in prop::sample::select(&RULES[..]),
        zone in prop::sample::select(&["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"][..]),
        start in 0_i64..365 * 24 * 60,
        from in 0_i64..4 * 365 * 24,
        days in 1_i64..60,
    ) {
        let start = Timestamp(at("2024-01-01T00:00:00Z").0 + start * 60_000);
        let zone = zone.parse().expect("a zone");
        let rule = Recurrence::parse(text, start, zone).expect("a rule");
        let counted = Recurrence::parse(&format!("{text};COUNT=10000"), start, zone).expect("a rule");
        let from = Timestamp(start.0 + from * 3_600_000);
        let to = Timestamp(from.0 + days * DAY_MS);
        prop_assert_eq!(rule.starts(from, to), counted.starts(from, to));
    }
}
