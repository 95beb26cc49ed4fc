//! How protocols switch a plain connection to TLS: the dialogue before the handshake.

use crate::outcome::{Cause, Measurement};
use crate::probe::dial::{Failure, Progress};
use crate::probe::quoted::quoted;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Maximum number of bytes of a reply, as for what a probe receives.
const REPLY_MAX: usize = 16 << 10;
/// The message `SSLRequest` of `PostgreSQL`: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A protocol in which TLS starts after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// RFC 3207.
    Smtp,
    /// RFC 9051.
    Imap,
    /// RFC 2595.
    Pop3,
    /// RFC 4217.
    Ftp,
    Postgres,
}

/// One step of a dialogue in lines.
struct Turn {
    /// What to send; nothing before the server's greeting.
    send: &'static str,
    /// How the last line of the reply begins, if the server agrees.
    wanted: &'static str,
    /// How a line begins that is the last one of the reply.
    ends: fn(&[u8]) -> bool,
}

/// The last line of an SMTP or FTP reply begins with a code and a space. Lines before it have `-` after the
/// code or, in FTP, any text, such as `2026-01-31: maintenance`.
fn ends_code(line: &[u8]) -> bool {
    let is_code = line.len() >= 3 && line[..3].iter().all(u8::is_ascii_digit);
    is_code && matches!(line.get(3), None | Some(b' '))
}

fn ends_always(_: &[u8]) -> bool {
    true
}

/// The reply of an IMAP server to a command has its tag.
fn ends_tagged(line: &[u8]) -> bool {
    line.starts_with(b"a ")
}

const fn turn(send: &'static str, wanted: &'static str, ends: fn(&[u8]) -> bool) -> Turn {
    Turn { send, wanted, ends }
}

impl StartTls {
    fn turns(self) -> &'static [Turn] {
        match self {
            Self::Smtp => {
                const {
                    &[
                        turn("", "220", ends_code),
                        turn("EHLO localhost\r\n", "250", ends_code),
                        turn("STARTTLS\r\n", "220", ends_code),
                    ]
                }
            }
            Self::Imap => {
                const {
                    &[
                        turn("", "* OK", ends_always),
                        turn("a STARTTLS\r\n", "a OK", ends_tagged),
                    ]
                }
            }
            Self::Pop3 => {
                const {
                    &[
                        turn("", "+OK", ends_always),
                        turn("STLS\r\n", "+OK", ends_always),
                    ]
                }
            }
            Self::Ftp => {
                const {
                    &[
                        turn("", "220", ends_code),
                        turn("AUTH TLS\r\n", "234", ends_code),
                    ]
                }
            }
            Self::Postgres => &[],
        }
    }

    /// Asks the server to start TLS. The duration counts toward the `tls` phase.
    pub async fn ask(
        self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        progress: &mut Progress<'_>,
    ) -> Result<(), Failure> {
        progress.enter_for(Measurement::Tls, "STARTTLS");
        let failed = |error: io::Error| Failure::io(&error, "STARTTLS");
        if self == Self::Postgres {
            stream.write_all(&SSL_REQUEST).await.map_err(failed)?;
            let answer = stream.read_u8().await.map_err(failed)?;
            progress.record("starttls", || format!("SSLRequest: {}", quoted(&[answer])));
            return match answer {
                b'S' => Ok(()),
                b'N' => Err(refused("the server does not offer TLS")),
                other => Err(refused(format!("the server replied {}", quoted(&[other])))),
            };
        }
        for turn in self.turns() {
            stream
                .write_all(turn.send.as_bytes())
                .await
                .map_err(failed)?;
            let line = last_line(stream, turn.ends).await?;
            let sent = match turn.send.trim_end() {
                "" => "greeting",
                sent => sent,
            };
            progress.record("starttls", || format!("{sent}: {}", quoted(&line)));
            let wanted = turn.wanted.as_bytes();
            let begins = line.get(..wanted.len());
            if !begins.is_some_and(|begins| begins.eq_ignore_ascii_case(wanted)) {
                let line = quoted(&line);
                let words = match sent {
                    "greeting" => format!("the server begins with {line}"),
                    sent => format!("the server replied {line} to {sent}"),
                };
                return Err(refused(format!("{words}, expected {}", turn.wanted)));
            }
        }
        Ok(())
    }

    /// Ends the session, without waiting for the reply. Servers log a client that just leaves as a lost connection,
    /// and some then block it.
    pub async fn leave(self, stream: &mut (impl AsyncWrite + Unpin)) {
        let command: &[u8] = match self {
            Self::Smtp | Self::Pop3 | Self::Ftp => b"QUIT\r\n",
            Self::Imap => b"a LOGOUT\r\n",
            Self::Postgres => return,
        };
        let _ = stream.write_all(command).await;
        let _ = stream.flush().await;
    }
}

fn refused(why: impl AsRef<str>) -> Failure {
    Failure::bad(Cause::Tls, format!("STARTTLS: {}", why.as_ref()))
}

/// Reads a reply to its last line. Byte by byte, since what follows it belongs to TLS.
async fn last_line(
    stream: &mut (impl AsyncRead + Unpin),
    ends: fn(&[u8]) -> bool,
) -> Result<Vec<u8>, Failure> {
    let mut line = Vec::new();
    for _ in 0..REPLY_MAX {
        let byte = stream.read_u8().await;
        let byte = byte.map_err(|error| Failure::io(&error, "STARTTLS"))?;
        if byte != b'\n' {
            line.push(byte);
            continue;
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if ends(&line) {
            return Ok(line);
        }
        line.clear();
    }
    Err(refused(format!(
        "the reply of the server has no end within {REPLY_MAX} bytes"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;

    #[tokio::test]
    async fn a_reply_without_an_end_is_refused() {
        for endless in [b"220-more\r\n".repeat(REPLY_MAX), vec![b'x'; 2 * REPLY_MAX]] {
            let reply = last_line(&mut &endless[..], ends_code).await;
            let failure = reply.expect_err("no end");
            assert_eq!(failure.verdict, Verdict::Bad(Cause::Tls));
        }
        let reply = last_line(&mut &b"220-a\n220 b\r\n\x16"[..], ends_code).await;
        assert_eq!(reply.expect("an end"), b"220 b");
    }
}
