//! Tokens in the paths of webhooks, which have no name.

use percent_encoding::percent_decode_str;

/// Minimum length of a token.
const TOKEN_MIN: usize = 16;
/// Minimum number of digits and capitals in a random word.
const RARE_MIN: usize = 3;
/// Labels of hosts and segments of paths before a token: webhooks of chats, and addresses of monitoring services
/// that expect regular requests. Those that start with `webhook` are others.
const WEBHOOKS: [&str; 7] = [
    "hc-ping",
    "hook",
    "hooks",
    "incomingwebhook",
    "integration",
    "integrations",
    "push",
];

/// The segments of a path, and whether each is a token: it looks random, and follows the name of a webhook in the host
/// or path.
pub fn segments<'p>(host: &str, path: &'p str) -> impl Iterator<Item = (&'p str, bool)> {
    let mut is_webhook = host.split('.').any(names_webhook);
    path.split('/').map(move |segment| {
        let text = percent_decode_str(segment).decode_utf8_lossy();
        let is_random = is_bot(&text) || is_webhook && is_random(&text);
        is_webhook |= names_webhook(segment);
        (segment, is_random)
    })
}

fn names_webhook(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.starts_with("webhook") || WEBHOOKS.contains(&word.as_str())
}

/// Whether it is the login of a Telegram bot: `bot123456:TOKEN`.
fn is_bot(segment: &str) -> bool {
    let parts = segment
        .strip_prefix("bot")
        .and_then(|bot| bot.split_once(':'));
    parts.is_some_and(|(number, token)| {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number && token.len() >= TOKEN_MIN
    })
}

/// Whether a word looks random, such as a UUID. Words of a language have few digits and capitals.
fn is_random(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_@:".contains(c);
    let is_rare = |c: &char| c.is_ascii_digit() || c.is_ascii_uppercase();
    word.len() >= TOKEN_MIN
        && word.chars().all(is_part)
        && word.contains(|c: char| c.is_ascii_alphabetic())
        && word.chars().filter(is_rare).count() >= RARE_MIN
}

#[cfg(test)]
mod tests {
    use crate::import::requests::hide_target;

    #[test]
    fn tokens_in_the_paths_of_webhooks_are_hidden() {
        const PATH: &str = "\u{fdd0}LOAD_PATH\u{fdd1}";
        let hex = "0123456789abcdef0123456789abcdef";
        let uuid = "b0a1c2d3-0000-4000-8000-0123456789ab";
        for (host, path, hidden) in [
            (
                "hooks.slack.com",
                "/services/T01234567/B01234567/aBcDeFgHiJkLmNoPqRsTuVwX",
                format!("/services/T01234567/B01234567/{PATH}"),
            ),
            (
                "discord.com",
                "/api/webhooks/1234567890123456789/a-B_c3D4e5F6g7H8/slack",
                format!("/api/webhooks/1234567890123456789/{PATH}/slack"),
            ),
            (
                "acme.webhook.office.com",
                &format!("/webhookb2/{uuid}@{uuid}/IncomingWebhook/{hex}/{uuid}"),
                format!("/webhookb2/{PATH}/IncomingWebhook/{PATH}/{PATH}"),
            ),
            (
                "api.telegram.org",
                "/bot123456:aBcDeFgHiJkLmNoP_qRs/sendMessage?chat_id=1",
                format!("/{PATH}/sendMessage?chat_id=1"),
            ),
            (
                "api.telegram.org",
                "/bot123456%3AaBcDeFgHiJkLmNoP_qRs/getMe",
                format!("/{PATH}/getMe"),
            ),
            (
                "chat.example",
                "/hooks/8ejkmcpqxot1uwisza345h769y",
                format!("/hooks/{PATH}"),
            ),
            ("hc-ping.com", &format!("/{uuid}"), format!("/{PATH}")),
        ] {
            assert_eq!(hide_target(host, path), hidden);
        }
        for (host, path) in [
            ("shop.example", format!("/orders/{uuid}")),
            (
                "shop.example",
                "/webhooks/subscription-v2-created".to_owned(),
            ),
            ("shop.example", "/webhooks/1234567890123456789".to_owned()),
            ("hooks.example", "/health?x=1".to_owned()),
            ("h", "/bots/123:4".to_owned()),
        ] {
            assert_eq!(hide_target(host, &path), path);
        }
    }
}
