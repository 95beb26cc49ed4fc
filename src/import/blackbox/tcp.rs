//! The probers `tcp` and `unix`. A dialogue becomes the first text to send, and the expression for the response to
//! it.

use super::context::{Context, ip_version, source_address};
use super::keys::{Keys, text};
use super::tls;
use super::value::{Map, Value};
use crate::import::document::At;
use crate::import::requests::hide_body;

/// The exporter matches one line at a time, without its line ending.
const BY_LINE: &str = "(?mR)";

pub(super) fn read(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut probe = connection(keys, of)?;
    ip_version(keys, &mut probe)?;
    source_address(keys);
    keys.rest();
    Ok(probe)
}

/// Imports the `unix` prober, which has the same keys except those of the network.
pub(super) fn read_unix(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let probe = connection(keys, of)?;
    keys.rest();
    Ok(probe)
}

fn connection(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut probe = Map::default();
    let (is_tls, tls) = (keys.is_true("tls")?, tls::read(keys)?);
    let items = keys.items("query_response")?.into_iter();
    let turns: Vec<Turn<'_>> = items.map(Turn::read).collect::<Result<_, _>>()?;
    let mut turns = &turns[..];
    let started = if is_tls { None } else { start_tls(turns) };
    if let Some((protocol, rest)) = started {
        probe.set("starttls", Value::plain(protocol));
        turns = rest;
    }
    if is_tls || started.is_some() {
        probe.set("tls", Value::Map(tls));
    } else {
        keys.left_out(
            "tls_config",
            "it requires `tls: true`, or belongs to a part of the dialogue that slod does not support",
        );
    }
    dialogue(turns, of, &mut probe);
    Ok(probe)
}

/// One turn of a dialogue.
pub(super) struct Turn<'a> {
    pub at: At<'a>,
    pub expect: Option<(At<'a>, String)>,
    pub send: Option<(At<'a>, String)>,
    starts_tls: bool,
}

impl<'a> Turn<'a> {
    pub fn read(at: At<'a>) -> Result<Self, String> {
        let keys = Keys::of(at)?;
        let part = |name| {
            let read = |at| text(at).map(|text| (at, text));
            keys.get(name).map(read).transpose()
        };
        let turn = Self {
            at,
            expect: part("expect")?,
            send: part("send")?.filter(|(_, text)| !text.is_empty()),
            starts_tls: keys.is_true("starttls")?,
        };
        keys.left_out("labels", "slod does not derive labels from responses");
        keys.rest();
        Ok(turn)
    }
}

/// The protocol whose command starts TLS, and the dialogue after it.
fn start_tls<'t, 'a>(turns: &'t [Turn<'a>]) -> Option<(&'static str, &'t [Turn<'a>])> {
    let at = turns.iter().position(|turn| turn.starts_tls)?;
    // TLS starts at the end of a turn.
    let sent = turns[..=at]
        .iter()
        .rev()
        .find_map(|turn| turn.send.as_ref());
    let command = sent?.1.trim().to_ascii_uppercase();
    let mut words = command.split_whitespace();
    let protocol = match (words.next()?, words.next(), words.next()) {
        ("STARTTLS", None, _) => "smtp",
        ("STLS", None, _) => "pop3",
        ("AUTH", Some("TLS"), None) => "ftp",
        // The first word is a tag.
        (_, Some("STARTTLS"), None) => "imap",
        _ => return None,
    };
    turns[at].at.remark(format!(
        "`starttls: {protocol}` replaces the dialogue before TLS: slod expects the replies that the protocol requires"
    ));
    Some((protocol, &turns[at + 1..]))
}

fn dialogue(turns: &[Turn<'_>], of: &Context<'_>, probe: &mut Map) {
    let (mut messages, mut expected) = (Vec::new(), Vec::new());
    for turn in turns {
        expected.extend(turn.expect.as_ref());
        let is_over = turn.starts_tls || !expected.is_empty();
        if let Some(send) = turn.send.as_ref().filter(|_| !is_over) {
            messages.push(send);
        } else if turn.send.is_some() || turn.starts_tls {
            turn.at.remark("the rest of the dialogue is left out: slod sends once, then reads until its expression matches");
            break;
        }
    }
    if let Some((at, _)) = messages.first() {
        let lines: Vec<&str> = messages.iter().map(|(_, text)| text.as_str()).collect();
        let text = lines.join("\n") + "\n";
        let is_secret = hide_body("", &text) != text;
        let send = if is_secret {
            of.secret("send", *at)
        } else {
            Value::plain(&text)
        };
        probe.set("send", send);
    }
    if let Some(expect) = in_turn(&expected, of) {
        probe.set("expect", Value::plain(&expect));
    }
}

/// Joins expressions for consecutive lines into one.
fn in_turn(expected: &[&(At<'_>, String)], of: &Context<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for (at, regex) in expected {
        parts.push(of.expression(*at, regex)?);
    }
    match &parts[..] {
        [] => None,
        // Matches any line.
        [only] if regex::bytes::Regex::new(only).is_ok_and(|regex| regex.is_match(b"")) => {
            Some("\\n".to_owned())
        }
        [only] => Some(format!("{BY_LINE}{only}")),
        _ => {
            let parts: Vec<String> = parts.iter().map(|part| format!("(?:{part})")).collect();
            Some(format!("{BY_LINE}{}", parts.join("(?s:.*?\\n.*?)")))
        }
    }
}
