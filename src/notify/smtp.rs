//! SMTP client (RFC 5321, 3207, 4954).
//!
//! lettre writes the mails, but its connection (version 0.11) is not used: it reads reply lines without a
//! limit, keeps data received before STARTTLS, and gives up on a mail if one of its recipients is
//! rejected.

mod recipients;

use super::send::{Answer, Exchange, Recipients, excerpt};
use crate::probe::dial::Failure;
use crate::receiver::{Envelope, Mail, Security, is_domain};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::select_ok;
use recipients::RecipientReplies;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

/// Maximum size of a reply in bytes, including all lines. RFC 5321 allows lines of 512 bytes.
const REPLY_MAX: u64 = 16 << 10;
/// The reply to a mail that is too large (RFC 1870). After `RCPT`, old servers use it for too many
/// recipients (RFC 5321, 4.5.3.1.10).
const TOO_LARGE: u16 = 552;

/// How long to wait for an address before the next one is tried as well (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// Maximum number of addresses that are tried.
const ADDRESSES_MAX: usize = 8;
const UNKNOWN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// An SMTP session for one mail.
struct Session {
    stream: BufReader<Box<dyn Connection>>,
    /// The name of this machine.
    own_name: String,
}

/// Sends mails, each over a new connection.
#[derive(Clone)]
pub struct Smtp(TlsConnector);

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Smtp")
    }
}

impl Smtp {
    pub fn new(tls: ClientConfig) -> Self {
        Self(Arc::new(tls).into())
    }

    /// Sends a mail to its recipients, except those that are `done`. The caller sets a timeout.
    pub(super) async fn deliver(&self, mail: &Mail, done: &Recipients) -> Exchange {
        let sent = async {
            let mut session = self.open(&mail.envelope).await?;
            session.send(mail, done).await
        };
        sent.await.unwrap_or_else(Exchange::from)
    }

    /// Connects, starts TLS, and logs in.
    async fn open(&self, envelope: &Envelope) -> Result<Session, Answer> {
        let Envelope { host, port, .. } = envelope;
        let stream = connect(host, *port).await.map_err(Answer::failed)?;
        let own_name = match (&envelope.hello, stream.local_addr()) {
            (Some(name), _) => name.clone(),
            (None, address) => {
                let host = sysinfo::System::host_name().ok();
                own_name(
                    host,
                    address.map_or(UNKNOWN_ADDRESS, |address| address.ip()),
                )
            }
        };
        let over = |stream| Session {
            stream: BufReader::new(stream),
            own_name: own_name.clone(),
        };
        let mut session = over(match envelope.security {
            Security::Implicit => self.secured(Box::new(stream), host).await?,
            Security::StartTls | Security::None => Box::new(stream),
        });
        expect(&session.reply().await?, "the connection", code::READY)?;
        let mut hello = session.hello().await?;
        if envelope.security == Security::StartTls {
            let stream = session.start_tls(&hello).await?;
            session = over(self.secured(stream, host).await?);
            hello = session.hello().await?;
        }
        if let Some((user, password)) = &envelope.login {
            session.log_in(&hello, user, password.reveal()).await?;
        }
        Ok(session)
    }

    async fn secured(
        &self,
        stream: Box<dyn Connection>,
        host: &str,
    ) -> Result<Box<dyn Connection>, Answer> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Answer::failed("the name of the server is not valid in TLS"))?;
        match self.0.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                let why = Failure::tls(&error).message;
                // `ca_file` is a key of probes only; mails use the system's certificate authorities.
                let why = why.split("; set `ca_file`").next().unwrap_or_default();
                Err(Answer::failed(why))
            }
        }
    }
}

/// Connects to a server, or returns the reason of the failure.
async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = lookup_host((host, port)).await.into_iter().flatten();
    let addresses: Vec<_> = addresses.take(ADDRESSES_MAX).collect();
    if addresses.is_empty() {
        return Err(format!("{host}: the name does not resolve"));
    }
    let stream = connect_to_any(addresses).await;
    stream.map_err(|error| Failure::io(&error, &format!("{host}:{port}")).message)
}

/// Connects to the first of at least one address that answers. Each is tried shortly after the one before
/// it, so that one that does not answer leaves time for the others.
async fn connect_to_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let attempts = addresses.into_iter().zip(0..).map(|(address, number)| {
        Box::pin(async move {
            sleep(HEAD_START * number).await;
            TcpStream::connect(address).await
        })
    });
    let (stream, _) = select_ok(attempts).await?;
    Ok(stream)
}

struct Reply {
    code: u16,
    lines: Vec<String>,
}

/// The success reply of each command (RFC 5321, 4.3.2; RFC 4954, 6). Any other success code belongs to
/// another command.
mod code {
    pub const READY: u16 = 220;
    pub const LOGGED_IN: u16 = 235;
    pub const DONE: u16 = 250;
    pub const CONTINUE_LOGIN: u16 = 334;
    pub const SEND_THE_MAIL: u16 = 354;
    /// Replies to unknown commands.
    pub const UNKNOWN: [u16; 3] = [500, 502, 504];
}

impl Reply {
    fn text(&self) -> String {
        excerpt(format!("{} {}", self.code, self.lines.join(" ")).as_bytes())
    }

    /// The parameters of an extension in the reply to EHLO.
    fn extension(&self, keyword: &str) -> Option<&str> {
        let words = self.lines.iter().skip(1).map(|line| {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            (word, rest)
        });
        let mut found = words.filter(|(word, _)| word.eq_ignore_ascii_case(keyword));
        found.next().map(|(_, rest)| rest)
    }
}

impl Session {
    async fn hello(&mut self) -> Result<Reply, Answer> {
        let mut reply = self.ask(&format!("EHLO {}", self.own_name)).await?;
        if code::UNKNOWN.contains(&reply.code) {
            // Servers that only know HELO have no extensions (RFC 5321, 3.2).
            reply = self.ask(&format!("HELO {}", self.own_name)).await?;
            reply.lines.truncate(1);
        }
        expect(&reply, "EHLO", code::DONE)?;
        Ok(reply)
    }

    /// Sends STARTTLS, and returns the plain connection.
    async fn start_tls(mut self, hello: &Reply) -> Result<Box<dyn Connection>, Answer> {
        if hello.extension("STARTTLS").is_none() {
            return Err(Answer::failed("the server does not offer STARTTLS"));
        }
        expect(&self.ask("STARTTLS").await?, "STARTTLS", code::READY)?;
        // Data received in plain text may come from an attacker.
        if !self.stream.buffer().is_empty() {
            return Err(Answer::failed("the server sent data before TLS started"));
        }
        Ok(self.stream.into_inner())
    }

    async fn log_in(&mut self, hello: &Reply, user: &str, password: &str) -> Result<(), Answer> {
        let offered = hello.extension("AUTH").unwrap_or_default();
        let offers = |name: &str| {
            let mut words = offered.split(' ');
            words.any(|word| word.eq_ignore_ascii_case(name))
        };
        let reply = if offers("PLAIN") {
            let secret = BASE64.encode(format!("\0{user}\0{password}"));
            let reply = self.ask(&format!("AUTH PLAIN {secret}")).await?;
            if reply.code == code::CONTINUE_LOGIN {
                // The server ignored the initial response.
                self.ask(&secret).await?
            } else {
                reply
            }
        } else if offers("LOGIN") {
            let go_on = code::CONTINUE_LOGIN;
            expect(&self.ask("AUTH LOGIN").await?, "AUTH LOGIN", go_on)?;
            expect(&self.ask(&BASE64.encode(user)).await?, "the user", go_on)?;
            self.ask(&BASE64.encode(password)).await?
        } else {
            return Err(Answer::failed(
                "the server offers neither AUTH PLAIN nor AUTH LOGIN",
            ));
        };
        expect(&reply, "the login", code::LOGGED_IN)
    }

    async fn send(&mut self, mail: &Mail, done: &Recipients) -> Result<Exchange, Answer> {
        let envelope = &mail.envelope;
        let data = mail.data();
        let data =
            data.map_err(|error| Answer::failed(format!("cannot write the mail: {error}")))?;
        let from = self.ask(&format!("MAIL FROM:<{}>", envelope.from)).await?;
        expect(&from, "the sender", code::DONE)?;
        let mut replies = RecipientReplies::default();
        for to in envelope.to.iter().map(ToString::to_string) {
            if !done.contains_key(&to) {
                let reply = self.ask(&format!("RCPT TO:<{to}>")).await?;
                replies.add(to, &reply);
            }
        }
        if replies.accepted.is_empty() {
            let _ = self.stream.write_all(b"QUIT\r\n").await;
            return Ok(replies.rejected_by_all(done));
        }
        expect(&self.ask("DATA").await?, "DATA", code::SEND_THE_MAIL)?;
        let reply = self.ask(&stuffed(&data)).await?;
        // The mail has been delivered, regardless of how the connection ends.
        let _ = self.stream.write_all(b"QUIT\r\n").await;
        Ok(match reply {
            reply if reply.code == code::DONE => replies.summarized(reply.text(), done),
            reply if reply.code == TOO_LARGE => Answer::TooLarge(reply.text()).into(),
            reply if reply.code >= 500 => Answer::Refused(reply.text()).into(),
            reply if reply.code >= 400 => Answer::failed(reply.text()).into(),
            reply => unexpected(&reply, "the mail", code::DONE).into(),
        })
    }

    async fn ask(&mut self, command: &str) -> Result<Reply, Answer> {
        if !self.stream.buffer().is_empty() {
            // Replies would no longer match commands.
            return Err(Answer::failed("the server sent a reply before a command"));
        }
        let write = async {
            self.stream
                .write_all(format!("{command}\r\n").as_bytes())
                .await?;
            self.stream.flush().await
        };
        write.await.map_err(|_| ended())?;
        self.reply().await
    }

    async fn reply(&mut self) -> Result<Reply, Answer> {
        let mut limited = (&mut self.stream).take(REPLY_MAX);
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = limited.read_until(b'\n', &mut line).await;
            if read.is_err() || !line.ends_with(b"\n") {
                return Err(ended());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (code, rest) = line
                .split_at_checked(3)
                .and_then(|(code, rest)| Some((code.parse().ok()?, rest)))
                .ok_or_else(|| Answer::failed("the response is not valid SMTP"))?;
            let is_last = !rest.starts_with('-');
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if is_last {
                return Ok(Reply { code, lines });
            }
        }
    }
}

/// A mail with dot-stuffing and the final dot, as sent after `DATA`.
fn stuffed(data: &str) -> String {
    let mut stuffed = String::with_capacity(data.len() + 3);
    for line in data.strip_suffix("\r\n").unwrap_or(data).split("\r\n") {
        if line.starts_with('.') {
            stuffed.push('.');
        }
        stuffed.push_str(line);
        stuffed.push_str("\r\n");
    }
    stuffed.push('.');
    stuffed
}

fn expect(reply: &Reply, what: &str, code: u16) -> Result<(), Answer> {
    let text = reply.text();
    match reply.code {
        found if found == code => Ok(()),
        400.. => Err(Answer::failed(format!("{what} was rejected: {text}"))),
        _ => Err(unexpected(reply, what, code)),
    }
}

fn unexpected(reply: &Reply, what: &str, code: u16) -> Answer {
    let text = reply.text();
    Answer::failed(format!(
        "expected {code} in reply to {what}, got \"{text}\""
    ))
}

fn ended() -> Answer {
    Answer::failed("the connection was closed without a response")
}

/// The name of this machine for EHLO: its fully qualified domain name, or else an address literal
/// (RFC 5321, 4.1.4). Servers reject other names, such as `localhost` and the name of a container.
fn own_name(host: Option<String>, address: IpAddr) -> String {
    let name = host.filter(|name| is_domain(name) && name.contains('.'));
    name.unwrap_or_else(|| match address.to_canonical() {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    })
}

#[cfg(test)]
mod tests;
