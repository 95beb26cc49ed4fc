//! Addresses, headers and logins of receivers.

use super::{NOW, receiver, requests};
use slod::receiver::{Message, Request};

#[test]
fn headers_and_logins_are_sent_and_hidden() {
    let further = "headers: { X-Api-Key: correct-horse, X-Scope-OrgID: battery }";
    for (kind, example, expected) in [
        (
            "webhook",
            format!("{{ url: \"http://127.0.0.1:1/\", {further} }}"),
            &[("x-api-key", "correct-horse"), ("x-scope-orgid", "battery")][..],
        ),
        (
            "alertmanager",
            format!("{{ urls: [\"http://127.0.0.1:1\"], {further} }}"),
            &[("x-api-key", "correct-horse"), ("x-scope-orgid", "battery")],
        ),
        (
            "ntfy",
            "{ topic: t, username: ada, password: correct-horse }".to_owned(),
            &[("authorization", "Basic YWRhOmNvcnJlY3QtaG9yc2U=")],
        ),
        (
            "ntfy",
            "{ topic: t, token: tk_correct }".to_owned(),
            &[("authorization", "Bearer tk_correct")],
        ),
    ] {
        let receiver = receiver(kind, &example);
        let requests = requests(&receiver, &Message::sample(false, NOW));
        let [Request::Http(request)] = &requests[..] else {
            panic!("{requests:?}");
        };
        for (name, value) in expected {
            let mut headers = request.headers.iter();
            let found = headers.find(|(other, _)| other == name);
            assert_eq!(
                found.map(|(_, value)| value.reveal()),
                Some(*value),
                "{kind}"
            );
            let secret = value.split(' ').next_back().expect("a secret");
            assert!(
                !receiver
                    .redactions
                    .cleaned(format!("got {secret}"))
                    .contains(secret)
            );
        }
    }
}

/// Django answers a POST without the slash with a redirect, and addresses of Grafana end with one.
#[test]
fn a_slash_at_the_end_of_an_address_is_kept() {
    let address = |kind: &str, url: &str, replaces: Option<&str>| {
        let receiver = receiver(kind, &format!("{{ url: \"{url}\" }}"));
        let message = Message {
            replaces: replaces.map(str::to_owned),
            ..Message::sample(true, NOW)
        };
        match &requests(&receiver, &message)[..] {
            [Request::Http(request)] => request.url.reveal().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    for kind in ["webhook", "slack", "teams"] {
        for url in [
            "http://127.0.0.1:1/hook/",
            "http://127.0.0.1:1/hook?token=a/",
        ] {
            assert_eq!(address(kind, url, None), url, "{kind}");
        }
    }
    for url in ["http://127.0.0.1:1/hook", "http://127.0.0.1:1/hook/"] {
        let edit = "http://127.0.0.1:1/hook/messages/7";
        assert_eq!(address("discord", url, Some("7")), edit, "{url}");
    }
}

/// Servers repeat headers and commands in their errors.
#[test]
fn a_login_is_redacted_in_the_form_in_which_it_is_sent() {
    let login = "username: ada, password: correct-horse";
    for (kind, example, sent) in [
        (
            "webhook",
            format!("{{ url: \"http://127.0.0.1:1/\", {login} }}"),
            &["YWRhOmNvcnJlY3QtaG9yc2U="][..],
        ),
        (
            "email",
            format!("{{ to: [a@example.com], from: b@example.com, server: localhost, {login} }}"),
            &["AGFkYQBjb3JyZWN0LWhvcnNl", "Y29ycmVjdC1ob3JzZQ=="],
        ),
    ] {
        let receiver = receiver(kind, &example);
        for one in sent {
            let text = format!("500 unknown: {one}");
            let cleaned = receiver.redactions.cleaned(text);
            assert_eq!(cleaned, "500 unknown: <secret>", "{kind}");
        }
    }
}
