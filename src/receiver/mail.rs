//! A mail as SMTP carries it (RFC 5322, MIME), without sending it.

use super::request::short;
use super::{Message, Texts};
use crate::outcome::Timestamp;
use crate::yaml::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest::{SHA256, digest};
use std::fmt::Write as _;

/// Bytes of text in one encoded word of a header: with its frame it has at most 75 characters.
const WORD_BYTES: usize = 42;
/// Characters of a line of the encoded text (RFC 2045).
const LINE: usize = 76;
const SUBJECT_MAX: usize = 250;
/// An address is no longer (RFC 5321).
const ADDRESS_MAX: usize = 254;

/// When the connection becomes secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    StartTls,
    Implicit,
    None,
}

impl Security {
    /// The usual port.
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// Sender, recipients and the server that takes the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// User and password.
    pub login: Option<(String, Secret)>,
    pub from: String,
    pub to: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub envelope: Envelope,
    pub subject: String,
    pub text: String,
    at: Timestamp,
    /// The same for each attempt.
    id: String,
    /// The same for all mails about a group. Nobody sent this one: it only joins the others.
    thread: String,
}

impl Mail {
    pub fn new(envelope: Envelope, message: &Message, texts: &Texts) -> Self {
        let domain = envelope.from.rsplit('@').next().unwrap_or_default();
        let id = |text: &str| format!("<slod.{}@{domain}>", hash(text));
        let words: Vec<_> = texts.title.split_whitespace().collect();
        Self {
            id: id(&message.key),
            thread: id(&message.incident),
            subject: short(&words.join(" "), SUBJECT_MAX),
            text: texts.text.clone(),
            at: message.at,
            envelope,
        }
    }

    /// Headers and text, in lines that end with CR LF. No line begins with a dot.
    pub fn data(&self) -> String {
        let head = [
            ("Date", self.at.to_utc().to_rfc2822()),
            ("From", format!("slod <{}>", self.envelope.from)),
            ("To", self.envelope.to.join(",\r\n ")),
            ("Subject", encoded(&self.subject)),
            ("Message-ID", self.id.clone()),
            ("In-Reply-To", self.thread.clone()),
            ("References", self.thread.clone()),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Content-Transfer-Encoding", "base64".to_owned()),
        ];
        let mut data = String::new();
        for (name, value) in head {
            // Writing to a text cannot fail.
            let _ = write!(data, "{name}: {value}\r\n");
        }
        data.push_str("\r\n");
        let text = BASE64.encode(self.text.replace('\n', "\r\n"));
        for line in text.as_bytes().chunks(LINE) {
            data.push_str(&String::from_utf8_lossy(line));
            data.push_str("\r\n");
        }
        data
    }
}

/// Whether a text is an address that can stand in a command and a header as it is.
pub(super) fn is_address(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !br#"<>()[]\,;:""#.contains(&byte);
    let parts = text.rsplit_once('@');
    text.len() <= ADDRESS_MAX
        && parts.is_some_and(|(local, domain)| {
            let is_local =
                !local.is_empty() && local.bytes().all(|byte| plain(byte) && byte != b'@');
            let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
            let labels = || domain.split('.');
            is_local && domain.bytes().all(is_host) && labels().all(|label| !label.is_empty())
        })
}

fn hash(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let bytes = digest.as_ref().iter().take(16);
    bytes.fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The value of a header as encoded words (RFC 2047), so that nothing in it is read as anything
/// else.
fn encoded(text: &str) -> String {
    let mut words = vec![String::new()];
    for character in text.chars() {
        let full = words.last().map_or(0, String::len) + character.len_utf8() > WORD_BYTES;
        if full {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", BASE64.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(title: &str, text: &str) -> Mail {
        let envelope = Envelope {
            host: "smtp.example.com".into(),
            port: 587,
            security: Security::StartTls,
            login: None,
            from: "slod@example.com".into(),
            to: vec!["a@example.com".into(), "b@example.com".into()],
        };
        let texts = Texts {
            title: title.to_owned(),
            text: text.to_owned(),
        };
        let message = Message::sample(false, Timestamp::from_secs(1_000_000_000));
        Mail::new(envelope, &message, &texts)
    }

    #[test]
    fn addresses() {
        for right in ["a@b", "on.call+slod@example.com", "x'y@sub.example.org"] {
            assert!(is_address(right), "{right}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for wrong in [
            "",
            "a",
            "@b",
            "a@",
            "a@b..c",
            "a b@c",
            "a@b>",
            "a@b\r\nRCPT TO:<c@d>",
            "a,b@c",
            "é@b",
            "A <a@b>",
            "a@b@c",
            &long,
        ] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }

    #[test]
    fn headers_cannot_be_forged_and_lines_are_short() {
        let title = format!("down\r\nBcc: eve@example.com\r\n\r\n{}", "ß".repeat(400));
        let text = format!(".\n{}\n.", "é".repeat(5000));
        let data = mail(&title, &text).data();
        let (head, body) = data.split_once("\r\n\r\n").expect("an empty line");
        assert!(!head.contains("Bcc"));
        assert!(data.ends_with("\r\n"));
        for line in data.split("\r\n") {
            assert!(
                line.len() <= 76 + "Subject: ".len() && !line.starts_with('.'),
                "{line}"
            );
            assert!(
                line.bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ')
            );
        }
        let body = BASE64.decode(body.replace("\r\n", "")).expect("base64");
        let body = String::from_utf8(body).expect("UTF-8");
        assert_eq!(body, text.replace('\n', "\r\n"));
    }

    #[test]
    fn a_mail_as_it_is_sent() {
        let data = mail("[FIRING] web is down", "It is.").data();
        assert_eq!(
            data,
            "Date: Sun, 9 Sep 2001 01:46:40 +0000\r\n\
             From: slod <slod@example.com>\r\n\
             To: a@example.com,\r\n b@example.com\r\n\
             Subject: =?utf-8?B?W0ZJUklOR10gd2ViIGlzIGRvd24=?=\r\n\
             Message-ID: <slod.MESSAGE@example.com>\r\n\
             In-Reply-To: <slod.GROUP@example.com>\r\n\
             References: <slod.GROUP@example.com>\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: base64\r\n\
             \r\n\
             SXQgaXMu\r\n"
                .replace("MESSAGE", &hash("slod-test"))
                .replace("GROUP", &hash("slod/test/test"))
        );
    }
}
