use super::*;

#[test]
fn names_are_unique_and_every_kind_is_a_key() {
    let mut names: Vec<_> = KINDS.iter().map(|kind| kind.key.name).collect();
    for name in &names {
        assert!(KEYS.iter().any(|key| key.name() == *name), "{name}");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KINDS.len());
}

fn channel(kind: &str, value: &str) -> Receiver {
    let text = format!(
        "services: [ {{ name: a, probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:1\" }} }} ] }} ]
receivers: [ {{ name: it, {kind}: {value} }} ]\n"
    );
    let source = crate::diagnostic::Source {
        name: String::new(),
        text,
    };
    let kinds = crate::probe::KINDS;
    let loaded = crate::config::Config::load(&source, std::path::Path::new(""), &|_| None, kinds);
    let config = loaded.config.expect("valid");
    config.routing.receiver("it").expect("given").clone()
}

#[test]
fn what_services_answer_to_messages_and_edits() {
    let slack = channel("slack", "{ token: xoxb-1, channel: C1 }");
    let telegram = channel("telegram", "{ token: \"1:a\", chat_id: 1 }");
    let discord = channel("discord", "{ url: \"http://127.0.0.1:1/hook\" }");
    let reply = |one: &Receiver, status, body: &str| one.channel.reply(status, body.as_bytes());
    let posted = |id: &str| Some(Reply::Posted(id.to_owned()));
    let body = r#"{"ok":true,"channel":"C1","ts":"1.2"}"#;
    assert_eq!(reply(&slack, 200, body), posted("C1 1.2"));
    let body = r#"{"ok":false,"error":"message_not_found"}"#;
    assert_eq!(reply(&slack, 200, body), Some(Reply::Gone));
    let failed = Reply::Failed("Slack answered invalid_auth".to_owned());
    let body = r#"{"ok":false,"error":"invalid_auth"}"#;
    assert_eq!(reply(&slack, 200, body), Some(failed));
    let body = r#"{"ok":true,"result":{"message_id":7}}"#;
    assert_eq!(reply(&telegram, 200, body), posted("7"));
    for (why, expected) in [
        (
            "Bad Request: message is not modified: specified new",
            Some(Reply::Same),
        ),
        ("Bad Request: message to edit not found", Some(Reply::Gone)),
        ("Bad Request: chat not found", None),
    ] {
        let body = format!(r#"{{"ok":false,"error_code":400,"description":"{why}"}}"#);
        assert_eq!(reply(&telegram, 400, &body), expected);
    }
    assert_eq!(reply(&discord, 200, r#"{"id":"9"}"#), posted("9"));
    let body = r#"{"message":"Unknown Message","code":10008}"#;
    assert_eq!(reply(&discord, 404, body), Some(Reply::Gone));
    let anew = channel(
        "discord",
        "{ url: \"http://127.0.0.1:1/hook\", edit: false }",
    );
    assert_eq!(reply(&anew, 200, r#"{"id":"9"}"#), None);
}
