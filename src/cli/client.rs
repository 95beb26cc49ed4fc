//! Requests to a running daemon: its address and the credentials of a command.

use crate::probe::dial::{Identity, Trust, client_of, read_certificates, web_address};
use crate::yaml::without_mark;
use clap::Args;
use reqwest::{Method, RequestBuilder};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of a file with a secret or with certificates, in bytes.
const FILE_MAX: u64 = 1 << 20;
/// Heading of these options in the help. Each option names it, because a heading of the struct would also apply to
/// the options that follow it in a subcommand.
pub const HEADING: &str = "Connection";
#[cfg(test)]
pub const OPTIONS: [&str; 6] = [
    "token_file",
    "username",
    "password_file",
    "ca_file",
    "cert_file",
    "key_file",
];

/// How a command reaches a daemon with TLS or authentication. The names are those of Prometheus' HTTP
/// client configuration. Secrets are read from files only, because command lines are visible to all users
/// of a machine.
#[derive(Debug, Clone, Default, Args)]
pub struct ClientArgs {
    /// File with the token to send as `Authorization: Bearer`.
    #[arg(long, help_heading = HEADING, value_name = "FILE", env = "SLOD_TOKEN_FILE", conflicts_with_all = ["username", "password_file"])]
    token_file: Option<PathBuf>,
    /// User to log in as.
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "NAME",
        env = "SLOD_USERNAME",
        requires = "password_file"
    )]
    username: Option<String>,
    /// File with the user's password.
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "FILE",
        env = "SLOD_PASSWORD_FILE",
        requires = "username"
    )]
    password_file: Option<PathBuf>,
    /// PEM certificates to trust instead of the system's: certificate authorities, or the daemon's own
    /// certificate.
    #[arg(long, help_heading = HEADING, value_name = "FILE", env = "SLOD_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// PEM certificate chain of the client.
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "FILE",
        env = "SLOD_CERT_FILE",
        requires = "key_file"
    )]
    cert_file: Option<PathBuf>,
    /// PEM private key of the client certificate.
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "FILE",
        env = "SLOD_KEY_FILE",
        requires = "cert_file"
    )]
    key_file: Option<PathBuf>,
}

/// Address of a daemon: `HOST:PORT` or a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Url);

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected HOST:PORT, or a URL such as https://slod.example.com:9771";
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url = web_address(&full, &["http", "https"]).ok_or(expected)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_base = url.query().is_none() && url.fragment().is_none();
        if !is_base {
            return Err(expected);
        }
        // The command line, and with it the password, is visible to all users of the machine.
        if !is_plain {
            return Err("the address must not contain a password (see --password-file)");
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Target {
    /// The addresses of the host, with the port; none if its name cannot be resolved. Blocks.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.socket_addrs(|| None).unwrap_or_default()
    }

    pub fn at(address: SocketAddr, is_secure: bool) -> Option<Self> {
        let scheme = if is_secure { "https" } else { "http" };
        Url::parse(&format!("{scheme}://{address}")).ok().map(Self)
    }
}

/// A daemon to send requests to.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    target: Target,
    credentials: Option<Credentials>,
}

enum Credentials {
    Token(String),
    Password(String, String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl ClientArgs {
    /// Returns an error message if a file cannot be used.
    pub fn client(&self, target: Target, timeout: Duration) -> Result<Client, String> {
        let trust = self.ca_file.as_deref().map(trust).transpose()?;
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .no_proxy()
            .tls_backend_preconfigured(client_of(trust, self.identity()?)?)
            .build()
            .map_err(|_| "the HTTP client cannot be built".to_owned())?;
        Ok(Client {
            http,
            target,
            credentials: self.credentials()?,
        })
    }

    fn identity(&self) -> Result<Option<Identity>, String> {
        let (Some(cert), Some(key)) = (&self.cert_file, &self.key_file) else {
            return Ok(None);
        };
        let chain = read_certificates(&read(cert)?);
        match PrivateKeyDer::from_pem_slice(&read(key)?) {
            Ok(key) if !chain.is_empty() => Ok(Some((chain, key))),
            _ => Err(format!(
                "{} and {} are not a PEM certificate and its private key",
                cert.display(),
                key.display()
            )),
        }
    }

    fn credentials(&self) -> Result<Option<Credentials>, String> {
        if let Some(path) = &self.token_file {
            return Ok(Some(Credentials::Token(secret(path)?)));
        }
        let (Some(user), Some(path)) = (&self.username, &self.password_file) else {
            return Ok(None);
        };
        Ok(Some(Credentials::Password(user.clone(), secret(path)?)))
    }
}

impl Client {
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Builds a request to a path such as `/api/v1/services`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.target));
        match &self.credentials {
            Some(Credentials::Token(token)) => request.bearer_auth(token),
            Some(Credentials::Password(user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }
}

/// Trusts the certificates in a file.
fn trust(path: &Path) -> Result<Arc<Trust>, String> {
    Trust::new(&read_certificates(&read(path)?))
        .map_err(|_| format!("{} contains no valid certificate", path.display()))
}

/// Returns the content of a file without its final line break.
fn secret(path: &Path) -> Result<String, String> {
    let text = String::from_utf8(read(path)?)
        .map_err(|_| format!("{} is not UTF-8 text", path.display()))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(format!(
            "{} must contain a secret on a single line",
            path.display()
        ));
    }
    Ok(text.to_owned())
}

/// Also reads a pipe: `--token-file <(pass show slod)`.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        Ok(_) if bytes.len() as u64 > FILE_MAX => {
            Err(format!("{} is larger than 1 MiB", path.display()))
        }
        Ok(_) => Ok(without_mark(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_or_a_url_without_a_password() {
        for (text, shown) in [
            ("127.0.0.1:9771", Some("http://127.0.0.1:9771")),
            ("[::1]:9771", Some("http://[::1]:9771")),
            ("slod:9771", Some("http://slod:9771")),
            ("https://slod.example.com", Some("https://slod.example.com")),
            ("https://slod/prefix/", Some("https://slod/prefix")),
            ("ftp://slod", None),
            ("http://", None),
            ("https://ada:pw@slod", None),
            ("https://slod/?a=b", None),
            ("https://slod/#a", None),
            ("", None),
        ] {
            let target = text.parse::<Target>().ok();
            assert_eq!(
                target.map(|target| target.to_string()).as_deref(),
                shown,
                "{text}"
            );
        }
    }
}
