//! Requests to receivers conform to the documentation of each service: `tests/fixtures/receivers` has
//! a JSON Schema for each, with the URL of the documentation.

mod programs;
mod schema;
mod secrets;

use schema::{faults, schema};
use serde_json::Value;
use slod::alert::Notice;
use slod::config::Config;
use slod::outcome::Timestamp;
use slod::receiver::{KINDS, Message, Receiver, Reply, Request};

const NOW: Timestamp = Timestamp::from_secs(1_795_442_517);

/// The receiver of the kind's own example, as written in a config.
pub fn receiver(kind: &str, example: &str) -> Receiver {
    let text = format!(
        "services: [ {{ name: a, probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:1\" }} }} ] }} ]
receivers: [ {{ name: it, {kind}: {example} }} ]\n"
    );
    let config: Config = text.parse().expect(kind);
    config.routing.receiver("it").expect("given").clone()
}

fn requests(receiver: &Receiver, message: &Message) -> Vec<Request> {
    let (texts, error) = receiver.texts(message);
    assert_eq!(error, None);
    receiver.requests(message, &texts, NOW)
}

fn notice(number: usize, text: &str, is_over: bool) -> Notice {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Notice {
        labels: [
            pair("alertname", "SlodBudgetBurnPage1h"),
            pair("service", &format!("service-{number}")),
            pair("severity", "critical"),
        ]
        .into(),
        annotations: [
            pair("summary", text),
            pair("description", text),
            pair(
                "runbook_url",
                "http://127.0.0.1:9771/runbook#slodbudgetburnpage1h",
            ),
        ]
        .into(),
        from: NOW.before(std::time::Duration::from_mins(1)),
        to: is_over.then_some(NOW),
    }
}

/// Messages that challenge formats: long ones, with characters of several bytes or two UTF-16 units,
/// with control characters, without text, with many alerts, and with a long group.
fn messages() -> Vec<Message> {
    let texts = [
        "p95 of concierge rose 34%".to_owned(),
        "x".repeat(6000),
        "ж".repeat(6000),
        "🔥".repeat(6000),
        "\"\\\u{1}\n<!channel> @everyone &".repeat(500),
        String::new(),
    ];
    let group = |text: &str| format!("{{\"team\":\"{text}\"}}");
    let mut all = Vec::new();
    for text in &texts {
        for (count, is_over) in [(1, false), (1, true), (20, false)] {
            let notices = (0..count).map(|number| notice(number, text, is_over));
            for group in [group("core"), group(&"long".repeat(300))] {
                let notices = notices.clone().collect();
                let key = "slod-1-0123456789abcdef".to_owned();
                all.push(Message::new("it", &group, key, NOW, notices));
            }
        }
    }
    all.extend([Message::sample(false, NOW), Message::sample(true, NOW)]);
    all
}

fn body(request: &Request) -> &[u8] {
    match request {
        Request::Http(request) => &request.body,
        Request::Run { input, .. } => input,
        Request::Mail(_) => panic!("a mail is not JSON"),
    }
}

/// Lines of a mail according to RFC 5322, in characters that every server accepts.
fn check_mail(data: &str) {
    for line in data.split("\r\n") {
        assert!(line.len() <= 998, "{line}");
        let is_plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        assert!(line.bytes().all(is_plain), "{line:?}");
    }
}

#[test]
fn every_payload_fits_its_schema() {
    for kind in KINDS {
        let name = kind.key.name;
        let receiver = receiver(name, kind.example);
        if name == "email" {
            for message in messages() {
                for request in requests(&receiver, &message) {
                    let Request::Mail(mail) = request else {
                        panic!("{request:?}");
                    };
                    check_mail(&mail.data().expect("a mail"));
                }
            }
            continue;
        }
        check_payloads(name, &receiver, &messages());
    }
}

/// Whether a request conforms to the schema of this name.
fn check_payloads(name: &str, receiver: &Receiver, messages: &[Message]) {
    let schema = schema(name);
    for message in messages {
        let requests = requests(receiver, message);
        assert!(!requests.is_empty(), "{name}");
        for request in &requests {
            let body = body(request);
            let value: Value = serde_json::from_slice(body).expect("JSON");
            let faults = faults(&schema, &value);
            assert!(
                faults.is_empty(),
                "{faults:?} of {:.300}",
                value.to_string()
            );
            let most = schema["x-maxBytes"].as_u64().unwrap_or(u64::MAX);
            assert!(body.len() as u64 <= most, "{name}: {} bytes", body.len());
        }
    }
}

#[test]
fn the_group_labels_of_a_webhook_are_labels_of_its_alerts() {
    let receiver = receiver("webhook", "{ url: \"http://127.0.0.1:1/\" }");
    let labels = |group: &str| {
        let alerts = vec![notice(1, "x", false), notice(1, "y", true)];
        let message = Message::new("it", group, "key".to_owned(), NOW, alerts);
        let requests = requests(&receiver, &message);
        let body: Value = serde_json::from_slice(body(&requests[0])).expect("JSON");
        body["groupLabels"].clone()
    };
    let group = "{service=\"service-1\",severity=\"critical\",team=\"\"}";
    let expected = serde_json::json!({ "service": "service-1", "severity": "critical" });
    assert_eq!(
        labels(group),
        expected,
        "as Alertmanager leaves out what there is not"
    );
    assert_eq!(labels("{}"), serde_json::json!({}));
    assert_eq!(labels("maintenance"), serde_json::json!({}));
}

#[test]
fn no_alert_for_alertmanager_ends_before_it_starts() {
    let receiver = receiver("alertmanager", "{ urls: [\"http://127.0.0.1:1\"] }");
    // The alert began before the clock was set back by an hour.
    let alert = Notice {
        from: NOW.after(std::time::Duration::from_hours(1)),
        ..notice(1, "x", false)
    };
    let message = Message::new("it", "{}", "key".to_owned(), NOW, vec![alert]);
    let requests = requests(&receiver, &message);
    let body: Value = serde_json::from_slice(body(&requests[0])).expect("JSON");
    let time = |name: &str| body[0][name].as_str().expect("a time").to_owned();
    assert!(time("startsAt") <= time("endsAt"), "{body}");
}

/// Receivers whose messages people are notified of get announcements another way, or not at all.
#[test]
fn announcements_open_no_incident_and_mention_nobody() {
    let announcement = |is_over| {
        let mut one = notice(1, "web: started, until 22:00 UTC", is_over);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let labels = [
            pair("alertname", "SlodMaintenance"),
            pair("severity", "info"),
        ];
        one.labels.extend(labels);
        Message::new("it", "maintenance", "key".to_owned(), NOW, vec![one])
    };
    let messages = [announcement(false), announcement(true)];
    let pagerduty = receiver("pagerduty", "{ routing_key: example-key }");
    check_payloads("pagerduty-change", &pagerduty, &messages);
    for message in &messages {
        let sent = requests(&pagerduty, message);
        let [Request::Http(request)] = &sent[..] else {
            panic!("{sent:?}");
        };
        let url = "https://events.pagerduty.com/v2/change/enqueue";
        assert_eq!(request.url.reveal(), url);
        let slack = receiver(
            "slack",
            "{ url: \"http://127.0.0.1:1/\", mention: \"<!here>\" }",
        );
        let sent = json(&slack, message);
        assert_eq!(sent["text"], "[MAINTENANCE] web: started, until 22:00 UTC");
        assert_eq!(sent["attachments"][0]["color"], "#36c5f0");
    }
    let opsgenie = receiver("opsgenie", "{ api_key: example-key }");
    assert!(!opsgenie.channel.takes_announcements());
}

#[test]
fn a_slack_bot_posts_and_updates() {
    let receiver = receiver("slack", "{ token: xoxb-1, channel: C0123456789 }");
    let posts = messages();
    check_payloads("slack-bot", &receiver, &posts);
    let update = |message: Message| Message {
        replaces: Some("C0123456789 1503435956.000247".to_owned()),
        ..message
    };
    let updates: Vec<Message> = messages().into_iter().map(update).collect();
    check_payloads("slack-bot", &receiver, &updates);
    let sent = |message: &Message| match &requests(&receiver, message)[..] {
        [Request::Http(request)] => {
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            (request.url.reveal().to_owned(), body["ts"].clone())
        }
        other => panic!("{other:?}"),
    };
    let post = "https://slack.com/api/chat.postMessage".to_owned();
    assert_eq!(sent(&posts[0]), (post, Value::Null));
    let update = "https://slack.com/api/chat.update".to_owned();
    assert_eq!(sent(&updates[0]), (update, "1503435956.000247".into()));
}

fn json(receiver: &Receiver, message: &Message) -> Value {
    serde_json::from_slice(body(&requests(receiver, message)[0])).expect("JSON")
}

/// In the Markdown of a card, a single line break is a space.
#[test]
fn lines_of_a_card_for_teams_are_paragraphs() {
    let receiver = receiver("teams", "{ url: \"http://127.0.0.1:1/\" }");
    let alerts = vec![notice(1, "web fails", false), notice(2, "rag fails", false)];
    let message = Message::new("it", "{}", "key".to_owned(), NOW, alerts);
    let card = &json(&receiver, &message)["attachments"][0]["content"];
    let text = card["body"][1]["text"].as_str().expect("a text").to_owned();
    assert_eq!(
        text,
        "- critical: web fails (since 2026-11-23 14:00 UTC)\n\n- critical: rag fails (since 2026-11-23 14:00 UTC)\n\nhttp://127.0.0.1:9771/runbook#slodbudgetburnpage1h"
    );
}

#[test]
fn only_firing_alerts_mention_people_and_only_those_of_the_config() {
    let firing = Message::new(
        "it",
        "{}",
        "key".to_owned(),
        NOW,
        vec![notice(1, "@here <!channel>", false)],
    );
    let resolved = Message::new(
        "it",
        "{}",
        "key".to_owned(),
        NOW,
        vec![notice(1, "x", true)],
    );
    let slack = receiver(
        "slack",
        "{ url: \"http://127.0.0.1:1/\", mention: \"<!here> <@U1>\" }",
    );
    let text = |message| {
        json(&slack, message)["text"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    assert_eq!(
        text(&firing),
        "<!here> <@U1> [FIRING] @\u{2060}here &lt;!channel&gt;"
    );
    assert_eq!(text(&resolved), "[RESOLVED] x");
    let discord = receiver(
        "discord",
        "{ url: \"http://127.0.0.1:1/\", mention: \"<@&1>\" }",
    );
    let sent = json(&discord, &firing);
    assert_eq!(sent["content"], "<@&1>");
    let parse = serde_json::json!(["everyone", "roles", "users"]);
    assert_eq!(sent["allowed_mentions"]["parse"], parse);
    check_payloads("discord", &discord, &messages());
    let quiet = receiver("discord", "{ url: \"http://127.0.0.1:1/\" }");
    for sent in [json(&discord, &resolved), json(&quiet, &firing)] {
        assert_eq!(sent["content"], Value::Null);
        assert_eq!(sent["allowed_mentions"]["parse"], serde_json::json!([]));
    }
}

/// Names and quoted responses arrive as text, whatever the markup of the service.
#[test]
fn values_are_escaped_and_templates_are_not() {
    let text = "a_b_c* <x> @everyone: [a](http://b/c_d_)";
    let message = Message::new(
        "it",
        "{}",
        "key".to_owned(),
        NOW,
        vec![notice(1, text, false)],
    );
    let sent = |kind: &str, keys: &str, pointer: &str| {
        let example =
            format!("{{ {keys} }}, title: \"*{{{{ summary }}}}* {{{{ summary | safe }}}}\"");
        let sent = json(&receiver(kind, &example), &message);
        sent.pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let url = "url: \"http://127.0.0.1:1/\"";
    let markdown = r"a_b_c\* \<x> \@everyone: \[a\](http://b/c_d_)";
    for (kind, keys, pointer, escaped) in [
        ("teams", url, "/attachments/0/content/body/0/text", markdown),
        ("discord", url, "/embeds/0/title", markdown),
        (
            "slack",
            url,
            "/text",
            "a_b_c* &lt;x&gt; @\u{2060}everyone: [a](http://b/c_d_)",
        ),
        ("ntfy", "topic: t", "/title", text),
    ] {
        let expected = format!("*{escaped}* {text}");
        assert_eq!(sent(kind, keys, pointer), Some(expected), "{kind}");
    }
    let telegram = sent("telegram", "token: \"1:a\", chat_id: 1", "/text").expect("a text");
    assert!(
        telegram.starts_with("*a_b_c* <x> @\u{2060}everyone: "),
        "{telegram}"
    );
}

#[test]
fn a_topic_of_telegram_is_part_of_new_messages() {
    let receiver = receiver("telegram", "{ token: \"1:a\", chat_id: -100, topic: 15 }");
    check_payloads("telegram", &receiver, &messages());
    assert_eq!(
        json(&receiver, &Message::sample(false, NOW))["message_thread_id"],
        15
    );
    let edit = Message {
        replaces: Some("-1001 7".to_owned()),
        ..Message::sample(true, NOW)
    };
    check_payloads("telegram", &receiver, std::slice::from_ref(&edit));
    assert_eq!(json(&receiver, &edit)["message_thread_id"], Value::Null);
}

/// Its messages have other numbers than those of the group that it was.
#[test]
fn a_supergroup_of_telegram_has_messages_of_its_own() {
    let receiver = receiver("telegram", "{ token: \"1:a\", chat_id: -100 }");
    let sent = |replaces: Option<&str>, moved: Option<&str>| {
        let message = Message {
            replaces: replaces.map(str::to_owned),
            moved: moved.map(str::to_owned),
            ..Message::sample(true, NOW)
        };
        let body = json(&receiver, &message);
        (body["chat_id"].clone(), body["message_id"].clone())
    };
    let new = |chat: &str| (chat.into(), Value::Null);
    let edit = |chat: &str| (chat.into(), 7.into());
    assert_eq!(sent(None, None), new("-100"));
    assert_eq!(sent(Some("-100 7"), None), edit("-100"));
    assert_eq!(sent(Some("-100 7"), Some("-1001")), new("-1001"));
    assert_eq!(sent(Some("-1001 7"), None), edit("-1001"));
    assert_eq!(sent(Some("7"), None), edit("-100"), "of an earlier version");
    let answer = br#"{"ok":true,"result":{"message_id":7,"chat":{"id":-1001}}}"#;
    let reply = receiver.channel.reply(200, answer);
    assert_eq!(reply, Some(Reply::Posted("-1001 7".to_owned())));
}

#[test]
fn groups_with_the_same_prefix_are_different_incidents() {
    let group = |end: &str| format!("{}{end}", "team ".repeat(200));
    let of = |kind: &str, pointer: &str, end: &str| {
        let found = KINDS
            .iter()
            .find(|one| one.key.name == kind)
            .expect("a kind");
        let receiver = receiver(kind, found.example);
        let message = Message::new(
            "it",
            &group(end),
            "key".to_owned(),
            NOW,
            vec![notice(0, "x", false)],
        );
        let requests = requests(&receiver, &message);
        let value: Value = serde_json::from_slice(body(&requests[0])).expect("JSON");
        value[pointer].as_str().expect("a text").to_owned()
    };
    for (kind, pointer) in [("pagerduty", "dedup_key"), ("opsgenie", "alias")] {
        assert_ne!(of(kind, pointer, "a"), of(kind, pointer, "b"), "{kind}");
        assert_eq!(of(kind, pointer, "a"), of(kind, pointer, "a"), "{kind}");
    }
}
