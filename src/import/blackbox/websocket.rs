//! The `websocket` prober. A dialogue becomes the message to send first, and the expression for one that follows.

use super::authorization;
use super::context::Context;
use super::http::headers;
use super::keys::Keys;
use super::tcp::Turn;
use super::tls;
use super::value::{Map, Value};
use crate::import::requests::hide_body;

pub(super) fn read(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut probe = Map::default();
    if let Some(http) = keys.keys("http_config")? {
        authorization::read(&http, of, &mut probe)?;
        probe.set_map("headers", headers(&http, of)?);
        probe.set_map("tls", tls::read(&http)?);
        http.rest();
    }
    let items = keys.items("query_response")?.into_iter();
    let turns: Vec<Turn<'_>> = items.map(Turn::read).collect::<Result<_, _>>()?;
    dialogue(&turns, of, &mut probe);
    keys.rest();
    Ok(probe)
}

fn dialogue(turns: &[Turn<'_>], of: &Context<'_>, probe: &mut Map) {
    let mut left = turns.iter();
    for turn in left.by_ref() {
        if let Some((at, expect)) = &turn.expect {
            if let Some(expect) = of.expression(*at, expect) {
                let body = Value::List(vec![Value::plain(&expect)]);
                probe.set_in("expect", "body", body);
            }
            at.remark("a message that does not match is skipped until the timeout, and then the attempt is bad; blackbox_exporter only sets `probe_websocket_failed_due_to_regex`");
            if turn.send.is_none() {
                break;
            }
        } else if let Some((at, send)) = turn.send.as_ref().filter(|_| probe.get("send").is_none())
        {
            let is_secret = hide_body("", send) != *send;
            let send = if is_secret {
                of.secret("send", *at)
            } else {
                Value::plain(send)
            };
            probe.set("send", send);
            continue;
        }
        turn.at.remark(REST);
        return;
    }
    if let Some(turn) = left.next() {
        turn.at.remark(REST);
    }
}

const REST: &str = "the rest of the dialogue is left out: slod sends one message, then waits until one matches its expression";
