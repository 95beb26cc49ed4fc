use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1_000_000_000);

fn rendered(text: &str, message: &Message) -> String {
    let template = Template::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    template.render(&fields::of(message)).expect("renders")
}

fn many() -> Message {
    let [.., many] = Message::samples(NOW);
    many
}

#[test]
fn fields_are_replaced() {
    let message = Message::sample(false, NOW);
    for (text, expected) in [
        (
            "[{{status}}] {{ label.service }} {{ annotation.x }}!",
            "[FIRING] example !",
        ),
        ("{{ firing }}/{{ resolved }} {{ severity }}", "1/0 ticket"),
        (
            "{{ list }}",
            "- ticket: Test notification of slod (since 2001-09-09 01:45 UTC)",
        ),
        (
            "{{ description }}",
            "This is a test message from `slod notify test`. Nothing is wrong.",
        ),
        ("a { b } {{ runbook_url }}c", "a { b } c"),
        ("<b> & {{ summary }}", "<b> & Test notification of slod"),
    ] {
        assert_eq!(rendered(text, &message), expected, "{text}");
    }
    assert_eq!(
        rendered("{{ status }} {{ service }}.", &many()),
        "FIRING 8 ."
    );
    let over = Message::sample(true, NOW);
    assert_eq!(rendered("{{ status }}", &over), "RESOLVED");
}

#[test]
fn conditions_loops_and_filters_are_rendered() {
    let text = "{% if firing > 1 %}\nmany\n{% else %}\none\n{% endif %}\n\
                {% for alert in alerts if alert.status == \"resolved\" %}\n\
                {{ loop.index }} {{ alert.service | upper }} {{ alert.duration }} {{ alert.ends_at }}\n\
                {% endfor %}\n\
                {{ label.team | default(\"nobody\") }}, {{ alerts | length }}";
    let expected = "many\n\
                    1 EXAMPLE-0 1m 2001-09-09T01:46:40Z\n2 EXAMPLE-3 1m 2001-09-09T01:46:40Z\n\
                    3 EXAMPLE-6 1m 2001-09-09T01:46:40Z\n4 EXAMPLE-9 1m 2001-09-09T01:46:40Z\n\
                    nobody, 12";
    assert_eq!(rendered(text, &many()), expected);
    let names = "{% for name, value in label | items %}{{ name }}={{ value }} {% endfor %}";
    assert_eq!(
        rendered(names, &many()),
        "alertname=SlodTest severity=page "
    );
}

#[test]
fn errors_have_messages_and_positions() {
    let example = "expected a template such as";
    let known = "did you mean `summary`?";
    for (text, at, message, help) in [
        ("{{ sumary }}", "sumary", "unknown field `sumary`", known),
        (
            "sumary {% if firing > 99 %}{{ sumary }}{% endif %}",
            "sumary",
            "unknown field `sumary`",
            known,
        ),
        (
            "{% for one in alerts %}{{ one.servce }}{% endfor %}",
            "one.servce",
            "unknown field `one.servce`",
            "did you mean `service`?",
        ),
        (
            "{{ summary.x }}",
            "summary.x",
            "unknown field `summary.x`",
            "fields: ",
        ),
        (
            "{{ summary | uper }}",
            "uper",
            "unknown filter `uper`",
            "did you mean `upper`?",
        ),
        (
            "{% for a in range(9999999) %}{% endfor %}",
            "",
            "range",
            example,
        ),
        ("{{ summary", "", "unexpected end of input", example),
        ("{{ label. }}", "", "unexpected", example),
        ("{% if firing %}", "", "unexpected end of input", example),
        (
            "{% include 'x' %}",
            "include",
            "unknown statement include",
            example,
        ),
        (
            "{{ alerts[3].summary }}",
            "alerts[3]",
            "`alerts[3]` is not in every message",
            "use a loop",
        ),
    ] {
        let error = Template::parse(text).expect_err(text);
        let place = &text[error.at.clone()];
        assert!(error.message.contains(message), "{text}: {error:?}");
        assert!(error.help.starts_with(help), "{text}: {error:?}");
        assert!(place.contains(at), "{text}: {error:?}");
    }
    // The use in braces, not the word before it.
    let error = Template::parse("sumary {{ sumary }}").expect_err("unknown");
    assert_eq!(error.at, 10..16);
}

#[test]
fn a_template_is_not_too_long() {
    for unit in ["x", "{{ summary }}", "{% raw %}{{{%", "{# #}", "\n"] {
        let long = unit.repeat((64 << 10) / unit.len() + 1);
        let error = Template::parse(&long).expect_err("too long");
        assert!(error.message.ends_with(" bytes"), "{}", error.message);
        // Even if it is not a template, it is read to its end.
        let fits = unit.repeat((32 << 10) / unit.len());
        assert_eq!(
            Template::parse(&fits).is_ok(),
            !unit.contains("raw"),
            "{unit}"
        );
    }
}

#[test]
fn no_text_takes_long_or_much_memory() {
    let doubled = "{% set a = a ~ a %}".repeat(40);
    let doubled = format!("{{% set a = \"xxxxxxxxxx\" %}}{doubled}{{{{ a | length }}}}");
    let nested = "{% for a in range(100) %}".repeat(6) + &"{% endfor %}".repeat(6);
    for text in [
        &doubled,
        &nested,
        "{{ \"x\" * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ \"%999999999d\" | format(1) }}",
    ] {
        let started = std::time::Instant::now();
        let error = Template::parse(text).expect_err(text);
        assert!(started.elapsed().as_secs() < 30, "{text}: {error:?}");
    }
    let long = rendered("{% for a in range(2000) %}{{ list }}{% endfor %}", &many());
    assert_eq!(long.chars().count(), TEXT_MAX);
}

#[test]
fn fields_of_a_large_message_are_computed_once() {
    let template =
        "{% for a in alerts %}{{ label.x }}{{ alerts | length }}{{ summary }}{% endfor %}";
    let template = Template::parse(template).expect("valid");
    let notice = Message::sample(false, NOW).notices.remove(0);
    let message = Message {
        notices: vec![notice; 2000],
        ..Message::sample(false, NOW)
    };
    let started = std::time::Instant::now();
    template.render(&fields::of(&message)).expect("renders");
    let took = started.elapsed();
    assert!(took.as_secs() < 30, "{took:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Made from parts of the language, since other texts are rejected immediately.
    #[test]
    fn arbitrary_templates_do_not_panic(parts in proptest::collection::vec(part(), 0..20)) {
        if let Ok(template) = Template::parse(&parts.concat()) {
            let _ = template.render(&fields::of(&many()));
        }
    }
}

fn part() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "{#",
        "#}",
        "-%}",
        "if ",
        "else ",
        "elif ",
        "endif ",
        "for a in ",
        "endfor ",
        "set a = ",
        "with ",
        "endwith ",
        "filter upper ",
        "endfilter ",
        "raw ",
        "endraw ",
        "alerts",
        "label",
        ".service",
        "a",
        "firing",
        "summary",
        "loop.index",
        "range(3)",
        "[",
        "]",
        "(",
        ")",
        "|",
        "~",
        "*",
        "-",
        "+",
        "==",
        " is defined",
        "'x'",
        "\"",
        "9999999999",
        "default",
        "first",
        "sort",
        "groupby",
        "'service'",
        ",",
        ":",
        "\n",
        "é",
        "\0",
    ]);
    prop_oneof![4 => word.prop_map(str::to_owned), 1 => ".{0,4}"]
}
