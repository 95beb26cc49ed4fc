//! Responses of receivers' services, as each service documents them.

use super::receivers::receiver;
use slod::receiver::{Receiver, Reply};

/// If only the response differs from the documentation, the message must not be sent again and again.
#[test]
fn a_response_of_slack_other_than_ok_is_retried_only_if_it_is_a_web_page() {
    let slack = receiver("slack", "{ url: \"http://127.0.0.1:1/\" }");
    let reply = |body: &str| slack.channel.reply(200, body.as_bytes());
    let page = reply("<html>Login to WiFi</html>");
    assert!(matches!(page, Some(Reply::Unconfirmed(_))), "{page:?}");
    for body in ["no_service", "", "{}"] {
        let other = reply(body);
        assert!(
            matches!(other, Some(Reply::Refused(_))),
            "{body}: {other:?}"
        );
    }
}

#[test]
fn responses_of_services_to_messages_and_edits() {
    let slack = receiver("slack", "{ token: xoxb-1, channel: C1 }");
    let telegram = receiver("telegram", "{ token: \"1:a\", chat_id: 1 }");
    let discord = receiver("discord", "{ url: \"http://127.0.0.1:1/hook\" }");
    let reply = |one: &Receiver, status, body: &str| one.channel.reply(status, body.as_bytes());
    let posted = |id: &str| Some(Reply::Posted(id.to_owned()));
    let body = r#"{"ok":true,"channel":"C1","ts":"1.2"}"#;
    assert_eq!(reply(&slack, 200, body), posted("C1 1.2"));
    let body = r#"{"ok":false,"error":"message_not_found"}"#;
    assert_eq!(reply(&slack, 200, body), Some(Reply::Gone));
    let failed = Reply::Failed("Slack responded with invalid_auth".to_owned());
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
        (
            "Bad Request: message text is empty",
            Some(Reply::Refused(
                "Telegram responded with Bad Request: message text is empty".to_owned(),
            )),
        ),
    ] {
        let body = format!(r#"{{"ok":false,"error_code":400,"description":"{why}"}}"#);
        assert_eq!(reply(&telegram, 400, &body), expected);
    }
    let body = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 4","parameters":{"retry_after":4}}"#;
    let busy = Reply::Busy(std::time::Duration::from_secs(4));
    assert_eq!(reply(&telegram, 429, body), Some(busy));
    assert_eq!(reply(&discord, 200, r#"{"id":"9"}"#), posted("9"));
    let body = r#"{"message":"Unknown Message","code":10008}"#;
    assert_eq!(reply(&discord, 404, body), Some(Reply::Gone));
    let anew = receiver(
        "discord",
        "{ url: \"http://127.0.0.1:1/hook\", edit: false }",
    );
    assert_eq!(reply(&anew, 200, r#"{"id":"9"}"#), None);
}

/// Faults of the config are corrected, unlike those of a message, but these services have one status for both.
#[test]
fn after_a_wrong_key_or_destination_a_message_is_sent_again() {
    for (kind, example, status, body) in [
        (
            "pagerduty",
            "{ routing_key: k }",
            400,
            r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#,
        ),
        (
            "pagerduty",
            "{ routing_key: k }",
            400,
            r#"{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}"#,
        ),
        (
            "opsgenie",
            "{ api_key: k }",
            422,
            r#"{"message":"Key format is not valid!","took":0.001,"requestId":"r"}"#,
        ),
        (
            "ntfy",
            "{ topic: t }",
            400,
            r#"{"code":40009,"http":400,"error":"invalid request: topic invalid","link":"https://ntfy.sh/docs/publish/"}"#,
        ),
        (
            "discord",
            "{ url: \"http://127.0.0.1:1/\" }",
            400,
            r#"{"message":"Webhooks posted to forum channels must have a thread_name or thread_id","code":220001}"#,
        ),
    ] {
        let reply = receiver(kind, example)
            .channel
            .reply(status, body.as_bytes());
        assert!(matches!(reply, Some(Reply::Failed(_))), "{body}: {reply:?}");
    }
    let telegram = receiver("telegram", "{ token: \"1:a\", chat_id: 1 }");
    for why in [
        "Bad Request: chat not found",
        "Bad Request: not enough rights to send text messages to the chat",
        "Bad Request: message thread not found",
        "Bad Request: TOPIC_CLOSED",
        "Bad Request: need administrator rights in the channel chat",
        "Bad Request: CHAT_WRITE_FORBIDDEN",
    ] {
        let body = format!(r#"{{"ok":false,"error_code":400,"description":"{why}"}}"#);
        let failed = Reply::Failed(format!("Telegram responded with {why}"));
        assert_eq!(telegram.channel.reply(400, body.as_bytes()), Some(failed));
    }
    let body = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001557912345}}"#;
    let moved = Some(Reply::Moved("-1001557912345".to_owned()));
    assert_eq!(telegram.channel.reply(400, body.as_bytes()), moved);
    // A message that does not fit its service is not sent again.
    for (kind, example, status, body) in [
        (
            "pagerduty",
            "{ routing_key: k }",
            400,
            r#"{"status":"invalid event","errors":["'payload.summary' is missing or blank"]}"#,
        ),
        (
            "discord",
            "{ url: \"http://127.0.0.1:1/\" }",
            400,
            r#"{"code":50035,"errors":{},"message":"Invalid Form Body"}"#,
        ),
    ] {
        let reply = receiver(kind, example)
            .channel
            .reply(status, body.as_bytes());
        assert_eq!(reply, None, "{body}");
    }
}

/// What each service documents as the response to an accepted message, and responses that are not.
#[test]
fn only_confirmed_messages_count_as_accepted() {
    let webhook = "{ url: \"http://127.0.0.1:1/\" }";
    let portal = "<html>Login to WiFi</html>";
    for (kind, example, taken, others) in [
        (
            "slack",
            webhook,
            &["ok", "ok\n", r#"{"success":true}"#, r#"{"ok":true}"#][..],
            &[
                "no_service",
                "",
                r#"{"ok":false,"error":"channel_not_found"}"#,
            ][..],
        ),
        (
            "slack",
            "{ token: xoxb-1, channel: C1 }",
            &[r#"{"ok":true,"channel":"C1","ts":"1.2"}"#],
            &["", "{}", "ok", r#"{"ok":false,"error":"msg_too_long"}"#],
        ),
        (
            "telegram",
            "{ token: \"1:a\", chat_id: 1, edit: false }",
            &[r#"{"ok":true,"result":{"message_id":7}}"#],
            &["", "{}", r#"{"ok":false,"description":"chat not found"}"#],
        ),
        (
            "teams",
            webhook,
            &["", "1", r#"{"id":"a"}"#],
            &[
                "Webhook message delivery failed with error: HTTP error 429",
                r#"{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"x"}}"#,
            ],
        ),
        (
            "alertmanager",
            "{ urls: [\"http://127.0.0.1:1\"] }",
            &["", "{}"],
            &["\u{feff}<!DOCTYPE html>"],
        ),
        ("discord", webhook, &["", r#"{"id":"9"}"#], &["{}"]),
        (
            "pagerduty",
            "{ routing_key: k }",
            &[r#"{"status":"success","message":"Event processed","dedup_key":"d"}"#],
            &["", r#"{"status":"invalid event","errors":["x"]}"#],
        ),
        (
            "opsgenie",
            "{ api_key: k }",
            &[r#"{"result":"Request will be processed","took":0.3,"requestId":"r"}"#],
            &["", "{}"],
        ),
        (
            "ntfy",
            "{ topic: t }",
            &[r#"{"id":"a","time":1,"event":"message","topic":"t"}"#],
            &["", "{}"],
        ),
    ] {
        let receiver = receiver(kind, example);
        let is_taken = |body: &str| {
            let reply = receiver.channel.reply(200, body.as_bytes());
            matches!(reply, None | Some(Reply::Posted(_)))
        };
        for body in taken {
            assert!(is_taken(body), "{kind}: {body}");
        }
        for body in others.iter().chain([&portal]) {
            assert!(!is_taken(body), "{kind}: {body}");
        }
    }
}
