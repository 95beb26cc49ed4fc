//! Resolved alerts edit the last message, at receivers whose messages can be edited: Slack bots,
//! Discord and Telegram, in the documented formats.

use crate::hook::closed;
use crate::server::{http, response};
use crate::support::{Daemon, write_config};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

/// A request: its first line, and its body.
type Got = (String, Value);

/// All three services at one address.
fn services() -> (String, Receiver<Got>) {
    let (sender, receiver) = channel();
    let address = http(move |request| {
        let first = format!("{} {}", request.method, request.path);
        let answer = answer(&first).to_string();
        let body = serde_json::from_str(&request.body).expect("JSON");
        let _ = sender.send((first, body));
        let headers = "connection: close\r\ncontent-type: application/json\r\n";
        response("200 OK", headers, &answer)
    });
    (address.to_string(), receiver)
}

fn answer(request: &str) -> Value {
    match request {
        "POST /slack/chat.postMessage" | "POST /slack/chat.update" => {
            json!({ "ok": true, "channel": "C024BE91L", "ts": "1401383885.000061", "message": {} })
        }
        "POST /bot1:token/sendMessage" | "POST /bot1:token/editMessageText" => {
            json!({ "ok": true, "result": { "message_id": 42, "date": 0, "chat": { "id": -100 } } })
        }
        _ => json!({ "id": "1234567890", "channel_id": "7", "embeds": [] }),
    }
}

/// Services in one group of alerts, by name and address.
fn config(folder: &Path, services: &[(&str, &str)], chats: &str) -> PathBuf {
    let service = |(name, address): &(&str, &str)| {
        format!(
            "  - name: {name}
    probes: [ {{ name: home, tcp: {{ address: \"{address}\" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 1h }} ]\n"
        )
    };
    let text = format!(
        "defaults: {{ interval: 200ms, timeout: 100ms }}
services:
{}receivers:
  - {{ name: slack, slack: {{ token: xoxb-token, channel: C024BE91L, api: \"http://{chats}/slack\" }} }}
  - {{ name: discord, discord: {{ url: \"http://{chats}/hooks/1/token?thread_id=9\" }} }}
  - {{ name: telegram, telegram: {{ token: \"1:token\", chat_id: -100, url: \"http://{chats}\" }} }}
routes: [ {{ to: [ slack, discord, telegram ], wait: 1ms, group_by: [ alertname ] }} ]
",
        services.iter().map(service).collect::<String>(),
    );
    write_config(folder, &text)
}

/// The requests of the next message to each receiver, by their first lines.
fn next(got: &Receiver<Got>) -> Vec<Got> {
    let each = (0..3).map(|_| got.recv_timeout(PATIENCE).expect("a message"));
    let mut all: Vec<Got> = each.collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn lines(all: &[Got]) -> Vec<&str> {
    all.iter().map(|(line, _)| line.as_str()).collect()
}

#[test]
fn firing_alerts_are_new_messages_and_resolved_ones_edits_even_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let (chats, got) = services();
    let (web, up) = (closed(), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let api = up.local_addr().expect("bound").to_string();
    let both = [("web", web.as_str()), ("api", api.as_str())];
    let path = config(folder.path(), &both, &chats);
    let daemon = Daemon::start(&path);
    let posts = [
        "POST /bot1:token/sendMessage",
        "POST /hooks/1/token?thread_id=9&wait=true",
        "POST /slack/chat.postMessage",
    ];
    let first = next(&got);
    assert_eq!(lines(&first), posts);
    assert_eq!(first[2].1["channel"], "C024BE91L");
    drop(up);
    let joined = next(&got);
    assert_eq!(lines(&joined), posts);
    let text = joined[2].1["attachments"][0]["text"]
        .as_str()
        .expect("a text");
    assert!(text.contains("web") && text.contains("api"), "{text}");
    // The response is recorded shortly afterwards.
    daemon.wait_for(|daemon| {
        let sent = daemon.request("GET", "/api/v1/notifications");
        (sent.matches("\"delivered\":true").count() == 6).then_some(())
    });
    daemon.signal("KILL");
    drop(daemon);
    // The alert of a removed service resolves.
    let path = config(folder.path(), &both[1..], &chats);
    let daemon = Daemon::start(&path);
    let edited = next(&got);
    assert_eq!(
        lines(&edited),
        [
            "PATCH /hooks/1/token/messages/1234567890?thread_id=9",
            "POST /bot1:token/editMessageText",
            "POST /slack/chat.update"
        ]
    );
    assert_eq!(edited[1].1["message_id"], 42);
    let slack = &edited[2].1;
    assert_eq!(
        (&slack["channel"], &slack["ts"]),
        (&json!("C024BE91L"), &json!("1401383885.000061"))
    );
    drop(daemon);
}
