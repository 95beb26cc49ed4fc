//! The `tcp` kind: a connection, with TLS and an exchange of bytes if configured.

mod starttls;

use super::deadline::{Overdue, within};
use super::dial::{Failure, Family, Place, Progress, ServerAddress, Tls, options};
use super::evaluate::Evaluator;
use super::pattern::{Pattern, bytes_regex, display_pattern};
use super::quoted::quoted;
use super::{Attempt, Kind, Probe};
use crate::diagnostic::Severity;
use crate::outcome::{Cause, DurationOf, Measurement, Measures, Outcome};
use crate::yaml::{Choice, Key, Keys, Mapping, SecretText, Section};
use async_trait::async_trait;
use regex::bytes::Regex;
use rustls::pki_types::ServerName;
use starttls::StartTls;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

/// Maximum number of received bytes. The expression is matched against all of them each time some
/// arrive, so this also bounds the work that a server can cause by sending single bytes.
const RECEIVED_MAX: usize = 16 << 10;
/// Bytes per read.
const CHUNK: usize = 4 << 10;
/// Maximum number of bytes to send.
const SENT_MAX: usize = 64 << 10;

const KEYS: Keys = &[
    &ADDRESS,
    &TLS,
    &STARTTLS,
    &SEND,
    &EXPECT,
    &options::IP_VERSION,
];

const ADDRESS: Key<ServerAddress> = Key::required(
    "address",
    ServerAddress,
    "Host and port, such as `db.example.org:5432` or `[::1]:6379`, or the Unix socket of a server on this machine, such as `unix:/run/postgresql/.s.PGSQL.5432`.",
);

const TLS: Key<Mapping> = Key::optional(
    "tls",
    options::TLS,
    "Uses TLS with these options, from the start of the connection or after `starttls`; `{}` uses the defaults. Without this key, the connection is not encrypted.",
);

const STARTTLS: Key<Choice<StartTls>> = Key::optional(
    "starttls",
    Choice(&[
        ("smtp", StartTls::Smtp),
        ("imap", StartTls::Imap),
        ("pop3", StartTls::Pop3),
        ("ftp", StartTls::Ftp),
        ("postgres", StartTls::Postgres),
    ]),
    "The protocol whose command starts TLS on a plain connection, such as `STARTTLS`. Requires `tls`. `send` and `expect` follow after the handshake; until then, the server is expected to greet and to agree.",
);

const SEND: Key<SecretText> = Key::optional(
    "send",
    SecretText,
    "What to send once the connection is open, at most 64 KiB. Line breaks are sent as written, such as `\"PING\\r\\n\"`, and a file is sent unchanged, including its final line break.",
);

const EXPECT: Key<Pattern<Regex>> = Key::optional(
    "expect",
    Pattern(bytes_regex),
    "A regular expression that the received bytes must match; `^` is the start of the connection. It is evaluated each time bytes arrive, until it matches, the server closes the connection, 16 KiB have been received, or the attempt times out. Without this key nothing is read.",
);

/// The kind in the registry.
pub const KIND: Kind = Kind {
    name: "tcp",
    summary: "Opens a connection by TCP or to a Unix socket, with TLS if configured, sends bytes and checks what is received. Good as soon as every step has succeeded. Received bytes that do not match are bad with the cause `body`, even at the timeout; if no byte was received by then, the cause is `timeout`.",
    keys: KEYS,
    example: "{ address: \"127.0.0.1:6379\", send: \"PING\\r\\n\", expect: '^\\+PONG' }",
    measures: Measures {
        duration: DurationOf::Attempt,
        measurements: &[
            Measurement::Resolve,
            Measurement::Connect,
            Measurement::Tls,
            Measurement::Transfer,
        ],
        code: None,
    },
    read: |section| {
        let address = section.get(&ADDRESS);
        let tls = options::optional_tls(section, &TLS, &[]);
        let start_tls = section.get(&STARTTLS);
        if start_tls.is_some() && !section.has(&TLS) {
            section.error(
                "missing-key",
                &STARTTLS,
                "`tls` is missing",
                "`tls: {}` for TLS with the defaults",
            );
        }
        let send = read_send(section);
        let expect = read_expect(section);
        let family = options::read_family(section, address.as_ref().and_then(Place::host));
        let address = address?;
        let tls = tls.and_then(|tls| {
            let name = options::server_name(section, &tls, &ADDRESS, &address.name())?;
            Some((tls, name))
        });
        Some(Arc::new(TcpProbe {
            address,
            family: family?,
            tls,
            start_tls,
            send,
            expect,
            evaluator: Evaluator::default(),
        }))
    },
};

fn read_send(section: &Section<'_>) -> Option<Message> {
    let message = section.secret_bytes(&SEND)?;
    if message.is_empty() || message.len() > SENT_MAX {
        section.error(
            "invalid-value",
            &SEND,
            format!("the text to send has {} bytes", message.len()),
            "1 byte to 64 KiB; remove the key to send nothing",
        );
    }
    let has_escape = message.windows(2).any(|two| two == br"\r") || message.ends_with(br"\n");
    if has_escape {
        section.reader().report(
            Severity::Warning,
            "escape-sent",
            &section.spot_of(&SEND),
            r"`\r` or `\n` is sent as a backslash and a letter, not as a line break".to_owned(),
            Some("write the value in double quotes, such as \"PING\\r\\n\"".to_owned()),
        );
    }
    Some(Message(message))
}

fn read_expect(section: &Section<'_>) -> Option<Regex> {
    let expect = section.get(&EXPECT)?;
    if expect.is_match(b"") {
        section.error(
            "invalid-value",
            &EXPECT,
            "the expression matches before anything is received",
            "an expression that needs at least one byte, such as `^220 `",
        );
    }
    Some(expect)
}

/// Bytes to send, which may be secret.
struct Message(Vec<u8>);

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Message {
    /// Whether received bytes repeat a part of the message that is long enough to be recognized.
    fn is_repeated_in(&self, received: &[u8]) -> bool {
        let sent: HashSet<Part> = parts(&self.0).collect();
        let is_word = |part: &Part| !part.iter().any(u8::is_ascii_whitespace);
        parts(received)
            .filter(is_word)
            .any(|part| sent.contains(&part))
    }
}

/// As many bytes as are enough to recognize a text.
type Part = [u8; 4];

/// All parts of a text, in lower case.
fn parts(text: &[u8]) -> impl Iterator<Item = Part> {
    let parts = text.windows(size_of::<Part>());
    let parts = parts.filter_map(|part| Part::try_from(part).ok());
    parts.map(|part| part.map(|byte| byte.to_ascii_lowercase()))
}

#[derive(Debug)]
struct TcpProbe {
    address: Place,
    family: Family,
    tls: Option<(Tls, ServerName<'static>)>,
    start_tls: Option<StartTls>,
    send: Option<Message>,
    expect: Option<Regex>,
    evaluator: Evaluator,
}

#[async_trait]
impl Probe for TcpProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        let deadline = attempt.deadline;
        let mut progress = Progress::new(attempt);
        let mut received = Vec::new();
        let work = self.open(&mut progress, &mut received);
        let result = match (within(deadline, work).await, &self.expect) {
            (Err(Overdue::Timeout), Some(expect)) if !received.is_empty() => {
                Ok(Err(self.mismatch(expect, &received, " until the timeout")))
            }
            (result, _) => result,
        };
        progress.finish(result)
    }

    fn target(&self) -> String {
        let tls = match (&self.tls, self.start_tls) {
            (_, Some(_)) => " (STARTTLS)",
            (Some(_), None) => " (TLS)",
            (None, None) => "",
        };
        format!("{}{tls}", self.address)
    }
}

impl TcpProbe {
    async fn open(
        &self,
        progress: &mut Progress<'_>,
        received: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let mut stream = self.address.connect(self.family, progress).await?;
        if let Some(start_tls) = self.start_tls {
            start_tls.ask(&mut stream, progress).await?;
        }
        match &self.tls {
            None => self.exchange(&mut stream, progress, received).await,
            Some((tls, name)) => {
                let mut stream = tls.handshake(stream, name.clone(), progress).await?;
                self.exchange(&mut stream, progress, received).await?;
                if let (Some(start_tls), None) = (self.start_tls, &self.send) {
                    start_tls.leave(&mut stream).await;
                }
                if self.expect.is_some() {
                    return Ok(());
                }
                stream.end(progress.deadline()).await
            }
        }
    }

    async fn exchange(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        progress: &mut Progress<'_>,
        received: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        if self.send.is_some() || self.expect.is_some() {
            progress.enter(Measurement::Transfer);
        }
        if let Some(Message(bytes)) = &self.send {
            let failed = |error| Failure::io(&error, "sending");
            stream.write_all(bytes).await.map_err(failed)?;
            stream.flush().await.map_err(failed)?;
            progress.record("send", || format!("{} bytes", bytes.len()));
        }
        if let Some(expect) = &self.expect {
            let deadline = progress.deadline();
            self.receive(stream, expect, deadline, received).await?;
            progress.leave();
            progress.record("expect", || {
                let expect = display_pattern(expect.as_str());
                format!("ok: {}, expected {expect}", self.describe(received))
            });
        }
        progress.leave();
        Ok(())
    }

    /// Reads until the expression matches.
    async fn receive(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        expect: &Regex,
        deadline: Instant,
        received: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let mut chunk = vec![0; CHUNK];
        while received.len() < RECEIVED_MAX {
            let room = chunk.len().min(RECEIVED_MAX - received.len());
            let read = stream.read(&mut chunk[..room]).await;
            let read = read.map_err(|error| Failure::io(&error, "receiving"))?;
            if read == 0 {
                let end = ", then the server closed the connection";
                return Err(self.mismatch(expect, received, end));
            }
            received.extend_from_slice(&chunk[..read]);
            let (expect, so_far) = (expect.clone(), received.clone());
            let work = move || expect.is_match(&so_far);
            if self.evaluator.evaluate(deadline, work).await? {
                return Ok(());
            }
        }
        let expect = display_pattern(expect.as_str());
        Err(Failure::bad(
            Cause::BodyTooLarge,
            format!("{RECEIVED_MAX} bytes were received, and they do not match {expect}"),
        ))
    }

    fn mismatch(&self, expect: &Regex, received: &[u8], end: &str) -> Failure {
        let cause = if received.is_empty() {
            Cause::Closed
        } else {
            Cause::Body
        };
        let (seen, expect) = (self.describe(received), display_pattern(expect.as_str()));
        Failure::bad(cause, format!("{seen}{end}; expected {expect}"))
    }

    /// Describes what was received, without any part of what was sent.
    fn describe(&self, received: &[u8]) -> String {
        let repeated = |sent: &Message| sent.is_repeated_in(received);
        match received.len() {
            0 => "received nothing".to_owned(),
            length if self.send.as_ref().is_some_and(repeated) => {
                format!("received {length} bytes (not shown: they repeat a part of what was sent)")
            }
            _ => format!("received {}", quoted(received)),
        }
    }
}
