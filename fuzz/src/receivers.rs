//! Answers of receivers to messages, by HTTP and SMTP.

use super::Run;
use super::service::{Manner, Service, assert_hidden, with_secrets};
use slod::notify::{Done, Sender};
use slod::outcome::Timestamp;
use slod::receiver::Message;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
/// Maximum number of bytes of the texts and IDs that are kept of an answer.
const KEPT_MAX: usize = 64 << 10;

const CONFIG: &str = "
services: [ { name: a, probes: [ { name: p, tcp: { address: 'h:1' } } ], objectives: [] } ]
routes: [ { to: email } ]
receivers:
  - { name: email, email: { to: [ a@x.test, b@x.test ], from: c@x.test, server: '127.0.0.1:PORT', tls: none } }
  - { name: starttls, email: { to: [ a@x.test ], from: c@x.test, server: 'localhost:PORT', username: u, password: '${A}' } }
  - { name: alertmanager, alertmanager: { urls: [ 'http://127.0.0.1:PORT' ], bearer: '${A}' } }
  - { name: webhook, webhook: { url: 'http://127.0.0.1:PORT/x?code=${A}' } }
  - { name: slack, slack: { url: 'http://127.0.0.1:PORT/services/${A}' } }
  - { name: bot, slack: { token: '${A}', channel: C1, api: 'http://127.0.0.1:PORT' } }
  - { name: teams, teams: { url: 'http://127.0.0.1:PORT/x?sig=${A}' } }
  - { name: discord, discord: { url: 'http://127.0.0.1:PORT/api/webhooks/1/${A}' } }
  - { name: pagerduty, pagerduty: { routing_key: '${A}', url: 'http://127.0.0.1:PORT' } }
  - { name: opsgenie, opsgenie: { api_key: '${A}', url: 'http://127.0.0.1:PORT' } }
  - { name: telegram, telegram: { token: '${A}', chat_id: -100, url: 'http://127.0.0.1:PORT' } }
  - { name: ntfy, ntfy: { url: 'http://127.0.0.1:PORT', topic: '${A}', username: u, password: '${A}' } }
  - { name: proxied, webhook: { url: 'https://x.test/${A}' }, proxy: 'http://u:p@127.0.0.1:PORT' }
";

/// The first byte is the receiver; SMTP has several answers, which end with empty lines.
pub fn receivers() -> Run {
    let service = Service::start();
    let config = service.config(CONFIG);
    let sender = Sender::new().expect("certificates");
    let mut message = Message::sample(false, NOW);
    let resolved = Message::sample(true, NOW);
    message.notices.extend(resolved.notices);
    message.replaces = Some("C1 1700000000.000100".to_owned());
    Box::new(move |data| {
        let Some((first, said)) = data.split_first() else {
            return;
        };
        let receivers = &config.routing.receivers;
        let receiver = &receivers[usize::from(*first) % receivers.len()];
        let manner = match receiver.kind {
            "email" => Manner::Turns,
            _ => Manner::Once(|_, answer| answer.to_vec()),
        };
        service.answer(&with_secrets(said, receiver.name == "ntfy"), manner);
        let delivery = sender.deliver(receiver, &message, Done::default(), NOW);
        let delivery = service.run(delivery);
        let text = delivery.answer.text().to_owned();
        if !receiver.redactions.is_empty() {
            assert_hidden(&receiver.redactions.cleaned(text.clone()));
        }
        assert!(text.len() + delivery.posted.map_or(0, |id| id.len()) <= KEPT_MAX);
        assert!(!text.starts_with("no response within"), "it hangs");
    })
}
