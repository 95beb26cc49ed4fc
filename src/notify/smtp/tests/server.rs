//! A mail server for one connection.

use crate::notify::smtp::*;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Behavior of a server.
#[derive(Clone, Copy)]
pub struct Behavior {
    pub security: Security,
    pub hello: &'static str,
    /// Replies to commands with these prefixes, instead of the default ones.
    pub odd: &'static [(&'static str, &'static str)],
}

pub const POLITE: Behavior = Behavior {
    security: Security::StartTls,
    hello: "250-mail.example.com\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n",
    odd: &[],
};

/// A server for a single connection, and the commands that it received.
pub struct Server {
    pub port: u16,
    pub smtp: Smtp,
    pub got: JoinHandle<Vec<String>>,
}

pub async fn serve(manners: Behavior) -> Server {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .expect("they match");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a certificate");
    let client = ClientConfig::builder().with_root_certificates(roots);
    let smtp = Smtp(Arc::new(client.with_no_client_auth()).into());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let got = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut got = Vec::new();
        let _ = converse(Box::new(stream), manners, &acceptor, &mut got).await;
        got
    });
    Server { port, smtp, got }
}

/// Ends with the connection.
async fn converse(
    stream: Box<dyn Connection>,
    manners: Behavior,
    acceptor: &TlsAcceptor,
    got: &mut Vec<String>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if manners.security == Security::Implicit {
        let secured = acceptor.accept(stream.into_inner()).await?;
        stream = BufReader::new(Box::new(secured));
    }
    stream.write_all(b"220 mail.example.com ready\r\n").await?;
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        let odd = manners
            .odd
            .iter()
            .find(|(command, _)| line.starts_with(command));
        let answer = match line.as_str() {
            "." => "250 2.0.0 queued as 42\r\n",
            _ if in_data => "",
            line if line.starts_with("EHLO") => manners.hello,
            "DATA" => "354 go on\r\n",
            "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n",
            "STARTTLS" => "220 go\r\n",
            line if line.starts_with("AUTH PLAIN ") => "235 welcome\r\n",
            _ if is_after_login(got, 1) => "334 UGFzc3dvcmQ6\r\n",
            _ if is_after_login(got, 2) => "235 welcome\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        in_data = line == "DATA" || in_data && line != ".";
        let answer = odd.map_or(answer, |(_, answer)| answer);
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        let is_tls = line == "STARTTLS" && answer.starts_with('2');
        got.push(line);
        if is_tls {
            let secured = acceptor.accept(stream.into_inner()).await?;
            stream = BufReader::new(Box::new(secured));
        }
    }
}

/// Whether a login started this many lines ago.
fn is_after_login(got: &[String], lines: usize) -> bool {
    let before = got.iter().rev().nth(lines - 1);
    before.is_some_and(|line| line == "AUTH LOGIN")
}
