//! Builds a mail for SMTP (RFC 5322, MIME), without sending it.

use super::request::{hash, truncated};
use super::{Message, Texts};
use crate::outcome::Timestamp;
use crate::text::printable;
use crate::yaml::Secret;
use lettre::Address;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0,
};
use lettre::message::{Body, Mailbox};
use std::time::{Duration, SystemTime};

const SUBJECT_MAX: usize = 250;

/// When the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    StartTls,
    Implicit,
    None,
}

impl Security {
    /// The default port.
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// The sender, the recipients and the SMTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// The name of this machine for EHLO; `None` for its own.
    pub hello: Option<String>,
    /// User and password.
    pub login: Option<(String, Secret)>,
    pub from: Address,
    pub to: Vec<Address>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub envelope: Envelope,
    pub subject: String,
    pub text: String,
    at: Timestamp,
    /// The same for each attempt.
    id: String,
    /// The same for all mails about a group. No mail has this ID; it only joins the thread.
    thread: String,
}

impl Mail {
    pub fn new(envelope: Envelope, message: &Message, texts: &Texts) -> Self {
        let domain = envelope.from.domain().to_owned();
        let id = |text: &str| format!("<slod.{}@{domain}>", hash(text));
        let title = printable(&texts.title);
        let words: Vec<_> = title.split_whitespace().collect();
        Self {
            id: id(&message.key),
            thread: id(&message.incident),
            subject: truncated(&words.join(" "), SUBJECT_MAX),
            text: texts.text.clone(),
            at: message.at,
            envelope,
        }
    }

    /// Headers and text, with CR LF line endings.
    pub fn data(&self) -> Result<String, lettre::error::Error> {
        let Envelope { from, to, .. } = &self.envelope;
        let since = Duration::from_millis(self.at.0.max(0).unsigned_abs());
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let mut mail = lettre::Message::builder()
            .date(SystemTime::UNIX_EPOCH + since)
            .from(Mailbox::new(Some("slod".to_owned()), from.clone()));
        for to in to {
            mail = mail.to(Mailbox::new(None, to.clone()));
        }
        // Readable without decoding, and safe for every server: no control characters and no long
        // lines.
        let encoding = ContentTransferEncoding::QuotedPrintable;
        let text = Body::new_with_encoding(self.text.clone(), encoding);
        let text = text.unwrap_or_else(Body::new);
        let mail = mail
            .subject(&self.subject)
            .message_id(Some(self.id.clone()))
            .in_reply_to(self.thread.clone())
            .references(self.thread.clone())
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(text)?;
        Ok(String::from_utf8_lossy(&mail.formatted()).into_owned())
    }
}

/// Parses an address that can be used unescaped in an SMTP command: ASCII, without quotes and
/// without a display name.
pub(super) fn address(text: &str) -> Option<Address> {
    let is_plain = text.is_ascii() && !text.contains(['"', '[']);
    text.parse().ok().filter(|_| is_plain)
}

/// Whether a text is a name that a mail server accepts: letters, digits and hyphens, separated by dots.
pub fn is_domain(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_part);
    text.len() <= 255 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(title: &str, text: &str) -> Mail {
        let address = |text: &str| text.parse().expect("an address");
        let envelope = Envelope {
            host: "smtp.example.com".into(),
            port: 587,
            security: Security::StartTls,
            hello: None,
            login: None,
            from: address("slod@example.com"),
            to: vec![address("a@example.com"), address("b@example.com")],
        };
        let texts = Texts {
            title: title.to_owned(),
            text: text.to_owned(),
        };
        let message = Message::sample(false, Timestamp::from_secs(1_000_000_000));
        Mail::new(envelope, &message, &texts)
    }

    #[test]
    fn invalid_mail_addresses_are_rejected() {
        for right in ["a@b", "on.call+slod@example.com", "x'y@sub.example.org"] {
            assert!(address(right).is_some(), "{right}");
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
            "\"a b\"@c",
            "a@[127.0.0.1]",
            &long,
        ] {
            assert!(address(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn headers_cannot_be_forged_and_lines_are_short() {
        let title = format!("down\r\nBcc: eve@example.com\r\n\r\n{}", "ß".repeat(400));
        let text = format!(".\n{}\n\0\u{1}.", "é".repeat(5000));
        let data = mail(&title, &text).data().expect("a mail");
        let (head, _) = data.split_once("\r\n\r\n").expect("an empty line");
        assert!(!head.contains("\nBcc"), "{head}");
        for line in data.split("\r\n") {
            assert!(line.len() <= 76 + "Subject: ".len(), "{line}");
            assert!(
                line.bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ')
            );
        }
    }

    #[test]
    fn mails_are_formatted_for_smtp() {
        let data = mail("[FIRING] web is down: größer", "It is.\n50% ☂").data();
        assert_eq!(
            data.expect("a mail"),
            "Date: Sun, 09 Sep 2001 01:46:40 +0000\r\n\
             From: slod <slod@example.com>\r\n\
             To: a@example.com, b@example.com\r\n\
             Subject: [FIRING] web is down: =?utf-8?b?Z3LDtsOfZXI=?=\r\n\
             Message-ID: <slod.MESSAGE@example.com>\r\n\
             In-Reply-To: <slod.GROUP@example.com>\r\n\
             References: <slod.GROUP@example.com>\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\
             \r\n\
             It is.\r\n50% =E2=98=82"
                .replace("MESSAGE", &hash("slod-test"))
                .replace("GROUP", &hash("slod/test/test"))
        );
    }
}
