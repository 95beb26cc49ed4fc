mod server;

use super::*;
use crate::outcome::Timestamp;
use crate::receiver::{Mail, Message};
use crate::yaml::Secret;
use server::{Behavior, POLITE, serve};
use std::net::Ipv4Addr;
use tokio::net::{TcpListener, TcpSocket};

fn tls() -> ClientConfig {
    crate::probe::dial::system_client().expect("a client")
}

fn mail(port: u16, security: Security, password: Option<&str>) -> Mail {
    let envelope = Envelope {
        host: "localhost".to_owned(),
        port,
        security,
        hello: None,
        login: password.map(|password| ("ada".to_owned(), Secret::new(password))),
        from: "slod@example.com".parse().expect("an address"),
        to: ["a@example.com", "b@example.com"]
            .map(|to| to.parse().expect("an address"))
            .to_vec(),
    };
    let message = Message::sample(false, Timestamp::from_secs(1_000_000_000));
    let texts = crate::receiver::Texts {
        title: "web is down".to_owned(),
        text: "It is.".to_owned(),
    };
    Mail::new(envelope, &message, &texts)
}

/// The answer to a mail, and the commands.
async fn sent(manners: Behavior, password: Option<&str>) -> (Answer, Vec<String>) {
    let (exchange, got) = sent_again(manners, password, &Recipients::new()).await;
    (exchange.answer, got)
}

/// Same, for a mail with some recipients done.
async fn sent_again(
    manners: Behavior,
    password: Option<&str>,
    done: &Recipients,
) -> (Exchange, Vec<String>) {
    let server = serve(manners).await;
    let mail = mail(server.port, manners.security, password);
    let sending = server.smtp.deliver(&mail, done);
    let answer = tokio::time::timeout(Duration::from_secs(20), sending).await;
    (answer.expect("in time"), server.got.await.expect("ended"))
}

fn failed(answer: Answer) -> String {
    match answer {
        Answer::Failed { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mail_goes_encrypted_to_all_its_recipients() {
    let (answer, got) = sent(POLITE, Some("pass")).await;
    assert_eq!(
        answer,
        Answer::Delivered("250 2.0.0 queued as 42".to_owned())
    );
    let commands: Vec<_> = got.iter().map(|line| line.split(' ').next()).collect();
    let until_data: Vec<_> = commands.iter().flatten().take(8).copied().collect();
    let expected = [
        "EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RCPT", "DATA",
    ];
    assert_eq!(until_data, expected);
    assert_eq!(got[3], "AUTH PLAIN AGFkYQBwYXNz");
    assert_eq!(got[4], "MAIL FROM:<slod@example.com>");
    assert!(got.ends_with(&["It is.".into(), ".".into(), "QUIT".into()]));
}

#[tokio::test]
async fn tls_from_the_first_byte_and_the_older_login() {
    let manners = Behavior {
        security: Security::Implicit,
        hello: "250-mail\r\n250 auth login\r\n",
        odd: &[("YWRh", "334 UGFzc3dvcmQ6\r\n")],
    };
    let (answer, got) = sent(manners, Some("pass")).await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer:?}");
    assert_eq!(got[1..4], ["AUTH LOGIN", "YWRh", "cGFzcw=="]);
}

#[tokio::test]
async fn without_tls_nothing_is_sent() {
    let plain = Behavior {
        hello: "250 mail\r\n",
        ..POLITE
    };
    let (answer, got) = sent(plain, Some("pass")).await;
    assert_eq!(failed(answer), "the server does not offer STARTTLS");
    assert_eq!(got.len(), 1);
    // A man in the middle injects a reply before TLS starts.
    let injected = Behavior {
        odd: &[("STARTTLS", "220 go\r\n250 mail\r\n")],
        ..POLITE
    };
    let (answer, got) = sent(injected, Some("pass")).await;
    assert_eq!(failed(answer), "the server sent data before TLS started");
    assert_eq!(
        got,
        ["EHLO", "STARTTLS"].map(|command| {
            let own = own_name(
                sysinfo::System::host_name().ok(),
                Ipv4Addr::LOCALHOST.into(),
            );
            if command == "EHLO" {
                format!("EHLO {own}")
            } else {
                command.to_owned()
            }
        })
    );
}

/// Servers reject names without a domain, such as `localhost` (Postfix: `reject_non_fqdn_helo_hostname`).
#[tokio::test]
async fn the_name_for_ehlo_has_a_domain_or_is_an_address() {
    let name = |host: &str, address: &str| {
        own_name(Some(host.to_owned()), address.parse().expect("an address"))
    };
    assert_eq!(name("slod.example.com", "192.0.2.1"), "slod.example.com");
    for host in [
        "",
        "localhost",
        "0f3a9c1b2d4e",
        "my_host.example.com",
        "a..b",
    ] {
        assert_eq!(name(host, "192.0.2.1"), "[192.0.2.1]", "{host}");
    }
    assert_eq!(name("db1", "::ffff:192.0.2.1"), "[192.0.2.1]");
    assert_eq!(name("db1", "2001:db8::1"), "[IPv6:2001:db8::1]");
    let server = serve(POLITE).await;
    let mut mail = mail(server.port, Security::StartTls, None);
    mail.envelope.hello = Some("alerts.example.com".to_owned());
    server.smtp.deliver(&mail, &Recipients::new()).await;
    let got = server.got.await.expect("ended");
    assert_eq!(got[0], "EHLO alerts.example.com");
    assert_eq!(got[2], "EHLO alerts.example.com", "after TLS");
}

#[tokio::test]
async fn an_unresolvable_server_name_is_reported() {
    let mut mail = mail(25, Security::None, None);
    mail.envelope.host = "nowhere.invalid".to_owned();
    let answer = Smtp::new(tls()).deliver(&mail, &Recipients::new()).await;
    assert_eq!(
        failed(answer.answer),
        "nowhere.invalid: the name does not resolve"
    );
}

#[tokio::test]
async fn an_address_that_does_not_answer_leaves_time_for_the_next_one() {
    let silent = TcpSocket::new_v4().expect("a socket");
    silent
        .bind(([127, 0, 0, 1], 0).into())
        .expect("a free port");
    // Its queue has room for one connection.
    let silent = silent.listen(0).expect("listens");
    let dead = silent.local_addr().expect("bound");
    let _queued = TcpStream::connect(dead).await.expect("room");
    let server = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let live = server.local_addr().expect("bound");
    let connecting = connect_to_any(vec![dead, live]);
    let connected = tokio::time::timeout(Duration::from_secs(20), connecting).await;
    let stream = connected.expect("in time").expect("connected");
    assert_eq!(stream.peer_addr().ok(), Some(live));
}

#[tokio::test]
async fn no_password_is_sent_to_a_server_with_an_untrusted_certificate() {
    let server = serve(POLITE).await;
    let mail = mail(server.port, Security::StartTls, Some("pass"));
    let why = failed(
        Smtp::new(tls())
            .deliver(&mail, &Recipients::new())
            .await
            .answer,
    );
    assert!(
        why.contains("certificate") && !why.contains("ca_file"),
        "{why}"
    );
    let got = server.got.await.expect("ended");
    assert!(!got.iter().any(|line| line.starts_with("AUTH")));
}

/// A mail counts as delivered only with the reply to it, not with a reply to another command.
#[tokio::test]
async fn a_reply_to_another_command_is_not_a_success() {
    type Odd = &'static [(&'static str, &'static str)];
    let cases: [(Odd, &str); 6] = [
        (
            &[(".", "354 go on\r\n")],
            "expected 250 in reply to the mail, got \"354 go on\"",
        ),
        (
            &[("DATA", "250 ok\r\n")],
            "expected 354 in reply to DATA, got \"250 ok\"",
        ),
        (
            &[("RCPT", "354 go on\r\n")],
            "all recipients were rejected: a@example.com: 354 go on; b@example.com: 354 go on",
        ),
        (
            &[("MAIL", "220 ready\r\n")],
            "expected 250 in reply to the sender, got \"220 ready\"",
        ),
        (
            &[("AUTH", "250 ok\r\n")],
            "expected 235 in reply to the login, got \"250 ok\"",
        ),
        (
            &[
                ("EHLO", "250-mail\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"),
                ("MAIL", "250 ok\r\n250 ok\r\n"),
            ],
            "the server sent a reply before a command",
        ),
    ];
    for (odd, expected) in cases {
        let (answer, _) = sent(Behavior { odd, ..POLITE }, Some("pass")).await;
        assert_eq!(failed(answer), expected);
    }
    // It reads the initial response in the line after the command.
    let slow = Behavior {
        odd: &[("AUTH PLAIN ", "334 \r\n"), ("AGFkYQ", "235 welcome\r\n")],
        ..POLITE
    };
    let (answer, _) = sent(slow, Some("pass")).await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer:?}");
}

#[tokio::test]
async fn requests_that_a_server_rejects() {
    type Odd = &'static [(&'static str, &'static str)];
    let cases: [(Odd, &str); 5] = [
        (
            &[("AUTH", "535 5.7.8 no\r\n")],
            "the login was rejected: 535 5.7.8 no",
        ),
        (
            &[("MAIL", "451 later\r\n")],
            "the sender was rejected: 451 later",
        ),
        (
            &[("RCPT", "550 who?\r\n")],
            "all recipients were rejected: a@example.com: 550 who?; b@example.com: 550 who?",
        ),
        (&[(".", "452 4.3.1 full\r\n")], "452 4.3.1 full"),
        (&[("EHLO", "hello\r\n")], "the response is not valid SMTP"),
    ];
    for (odd, expected) in cases {
        let (answer, _) = sent(Behavior { odd, ..POLITE }, Some("pass")).await;
        assert_eq!(failed(answer), expected);
    }
    let old = Behavior {
        security: Security::None,
        odd: &[("EHLO", "500 what?\r\n")],
        ..POLITE
    };
    let (answer, got) = sent(old, None).await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer:?}");
    assert!(got[1].starts_with("HELO "), "{got:?}");
    let spam = Behavior {
        odd: &[(".", "554 5.7.1 spam\r\n")],
        ..POLITE
    };
    let (answer, _) = sent(spam, None).await;
    assert_eq!(answer, Answer::Refused("554 5.7.1 spam".to_owned()));
    let large = Behavior {
        odd: &[(".", "552 5.3.4 too big\r\n")],
        ..POLITE
    };
    let (answer, _) = sent(large, None).await;
    assert_eq!(answer, Answer::TooLarge("552 5.3.4 too big".to_owned()));
    let partly = Behavior {
        odd: &[("RCPT TO:<b", "550 who?\r\n")],
        ..POLITE
    };
    let (answer, _) = sent(partly, None).await;
    let text = "250 2.0.0 queued as 42, without b@example.com: 550 who?";
    assert_eq!(answer, Answer::Delivered(text.to_owned()));
}

#[tokio::test]
async fn a_temporarily_rejected_recipient_gets_the_mail_later_and_the_others_once() {
    let to = |to: &str, why: Option<&str>| (to.to_owned(), why.map(str::to_owned));
    let rcpts = |got: &[String]| -> Vec<String> {
        let lines = got.iter().filter(|line| line.starts_with("RCPT"));
        lines.cloned().collect()
    };
    let greylisting = Behavior {
        odd: &[("RCPT TO:<b", "450 4.2.0 greylisted\r\n")],
        ..POLITE
    };
    let (first, _) = sent_again(greylisting, None, &Recipients::new()).await;
    assert_eq!(
        failed(first.answer),
        "temporarily rejected: b@example.com: 450 4.2.0 greylisted"
    );
    let done = Recipients::from([to("a@example.com", None)]);
    assert_eq!(first.recipients, done);
    let (second, got) = sent_again(greylisting, None, &done).await;
    assert!(matches!(second.answer, Answer::Failed { .. }));
    assert_eq!(rcpts(&got), ["RCPT TO:<b@example.com>"]);
    assert!(!got.contains(&"DATA".to_owned()), "nobody takes it");
    let (third, got) = sent_again(POLITE, None, &done).await;
    assert!(matches!(third.answer, Answer::Delivered(_)));
    assert_eq!(rcpts(&got), ["RCPT TO:<b@example.com>"]);
    assert_eq!(third.recipients, [to("b@example.com", None)].into());
    // A permanently rejected recipient is given up, because the other one has the mail.
    let strict = Behavior {
        odd: &[("RCPT TO:<b", "550 who?\r\n")],
        ..POLITE
    };
    let refused = to("b@example.com", Some("550 who?"));
    for done in [Recipients::new(), done] {
        let (exchange, _) = sent_again(strict, None, &done).await;
        let answer = exchange.answer;
        assert!(matches!(answer, Answer::Delivered(_)), "{answer:?}");
        assert!(answer.text().ends_with("without b@example.com: 550 who?"));
        assert_eq!(exchange.recipients.get(&refused.0), Some(&refused.1));
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        while stream.write_all(b"220-more\r\n").await.is_ok() {}
    });
    let mail = mail(port, Security::None, None);
    let exchange = Smtp::new(tls()).deliver(&mail, &Recipients::new()).await;
    assert_eq!(
        failed(exchange.answer),
        "the connection was closed without a response"
    );
}

#[test]
fn a_line_that_is_a_dot_does_not_end_the_mail() {
    assert_eq!(stuffed("a\r\n.\r\n.b\r\n"), "a\r\n..\r\n..b\r\n.");
}
