use super::*;
use proptest::prelude::*;

fn labels() -> BTreeMap<String, String> {
    let all = [
        ("service", "web"),
        ("slo", "latency-p95"),
        ("severity", "critical"),
    ];
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn matchers_match_as_in_alertmanager() {
    let cases = [
        ("service=web", true),
        ("service=\"web\"", true),
        ("service = \"web\"", true),
        ("service=we", false),
        ("service!=web", false),
        ("service!=api", true),
        ("slo=~latency-.*", true),
        ("slo=~latency", false),
        ("slo=~\"{id}|latency-.*\"", true),
        ("slo!~latency-.*", false),
        ("slo=~\"errors|latency-p95\"", true),
        // A missing label matches like an empty one.
        ("team=\"\"", true),
        ("team!=a", true),
        ("team=~.+", false),
        // Both names of a severity match.
        ("severity=page", true),
        ("severity!=page", false),
        ("severity=~\"page|ticket\"", true),
        ("severity=ticket", false),
    ];
    for (text, expected) in cases {
        let matcher = Matcher::parse(text).expect(text);
        assert_eq!(matcher.matches(&labels()), expected, "{text}");
    }
    for text in [
        "", "web", "=web", "1a=b", "a b=c", "slo=~(", "a=\"b", "a=\"b\"c", "a=b\"c", "a=b,c",
    ] {
        assert!(Matcher::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_list_is_split_at_the_commas_outside_of_quotes() {
    let read = |text: &str| {
        let all = Matcher::parse_list(text)?;
        Ok::<_, String>(all.iter().map(Matcher::to_string).collect::<Vec<_>>())
    };
    let both = Ok(vec![
        "service=\"web\"".to_owned(),
        "slo=~\"a,\\\"b\"".to_owned(),
    ]);
    for text in [
        r#"service=web,slo=~"a,\"b""#,
        r#"{service="web", slo=~"a,\"b"}"#,
        r#"{ service = web , slo =~ "a,\"b", }"#,
    ] {
        assert_eq!(read(text), both, "{text}");
    }
    assert_eq!(read("service=web").map(|all| all.len()), Ok(1));
    for text in [
        "",
        "{}",
        ",",
        "service=web,,slo=a",
        "{service=web",
        "service=web,slo",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn a_silence_of_everything_is_rejected() {
    let silence = |matchers: &[&str], to| Silence {
        id: 0,
        matchers: matchers
            .iter()
            .filter_map(|one| Matcher::parse(one).ok())
            .collect(),
        from: Timestamp(10),
        to: Timestamp(to),
        author: "ada".to_owned(),
        reason: "upgrade".to_owned(),
    };
    assert_eq!(silence(&["service=web"], 20).fault(), None);
    assert!(silence(&["service=web"], 10).fault().is_some());
    assert!(silence(&[], 20).fault().is_some());
    assert!(silence(&["service!=web", "slo=~.*"], 20).fault().is_some());
    let one = silence(&["service=web"], 20);
    let active = [9, 10, 19, 20].map(|at| one.is_active(Timestamp(at)));
    assert_eq!(active, [false, true, true, false]);
}

#[test]
fn only_silences_by_name_mute_announcements() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let announcement =
        BTreeMap::from([pair("alertname", "SlodMaintenance"), pair("service", "web")]);
    let silence = |matchers: &str| Silence {
        id: 1,
        matchers: Matcher::parse_list(matchers).expect("valid"),
        from: Timestamp(0),
        to: Timestamp(10),
        author: "ada".to_owned(),
        reason: String::new(),
    };
    let mutes = |matchers: &[&str]| {
        let decisions = Decisions {
            silences: matchers.iter().map(|one| silence(one)).collect(),
            ..Decisions::default()
        };
        assert!(decisions.active(&announcement, Timestamp(5)).is_some());
        decisions.mutes_announcement(&announcement, Timestamp(5))
    };
    assert!(!mutes(&["service=web"]));
    assert!(!mutes(&["service=web,alertname!=SlodErrorBudgetBurn"]));
    assert!(mutes(&["alertname=SlodMaintenance"]));
    assert!(mutes(&[
        "service=web",
        "service=web,alertname=~\"SlodMaintenance.*\""
    ]));
}

proptest! {
    #[test]
    fn matchers_round_trip(value in "(?s).{0,20}", is_equal: bool) {
        let matcher = Matcher::new("name", &value, is_equal, false).expect("valid");
        prop_assert_eq!(Matcher::parse(&matcher.to_string()), Ok(matcher));
    }
}

#[test]
fn a_silence_needs_a_matcher_and_has_not_too_many() {
    let silence = |count: usize| Silence {
        id: 0,
        matchers: vec![Matcher::parse("service=web").expect("valid"); count],
        from: Timestamp(0),
        to: Timestamp(1),
        author: "ada".to_owned(),
        reason: String::new(),
    };
    for count in [1, MAX_MATCHERS] {
        assert_eq!(silence(count).fault(), None);
    }
    for count in [0, MAX_MATCHERS + 1] {
        let fault = silence(count).fault().expect("refused");
        assert_eq!(fault, "a silence must have 1 to 20 matchers");
    }
}
