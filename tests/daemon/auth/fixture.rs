//! A directory of a daemon, with certificates, users and tokens.

use crate::support::Daemon;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SanType, date_time_ymd,
};
use reqwest::{Certificate, Client, Identity, RequestBuilder};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// Files of one test.
pub struct Files(tempfile::TempDir);

type Authority = CertifiedIssuer<'static, KeyPair>;

impl Files {
    /// `ca.crt` issued `server` and `client` (`CN=scraper`, for `client.test`); `stranger` is from
    /// another authority; `self` is self-signed for `localhost`, as created by `openssl req -x509`.
    /// `web.yml` is empty.
    pub fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let files = Self(tempfile::tempdir().expect("a folder"));
        let ca = authority();
        files.write("ca.crt", &ca.pem());
        files.issue(&ca, "server", &["localhost", "127.0.0.1"]);
        files.issue(&ca, "client", &["client.test"]);
        files.issue(&authority(), "stranger", &["client.test"]);
        let key = KeyPair::generate().expect("a key");
        let mut params = authority_params();
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().expect("a name"))];
        let own = params.self_signed(&key).expect("signed");
        files.write("self.crt", &own.pem());
        files.write("self.key", &key.serialize_pem());
        files.write("web.yml", "");
        files
    }

    /// The output of `slod check` for `slod.yaml`.
    pub fn check(&self) -> String {
        let mut check = assert_cmd::Command::cargo_bin("slod").expect("built");
        let check = check.args(["check", "--config", &self.text("slod.yaml")]);
        String::from_utf8(check.output().expect("it ends").stdout).expect("text")
    }

    /// One certificate of an authority for each of these years, `NAME.FIRST.crt`, all with the key
    /// `NAME.ca.key`. It issued `NAME` itself, a client, valid until 2090.
    pub fn issue_by_dated(&self, name: &str, years: &[(i32, i32)]) {
        let own = KeyPair::generate().expect("a key");
        self.write(&format!("{name}.ca.key"), &own.serialize_pem());
        for (first, end) in years {
            let mut params = authority_params();
            params.not_before = date_time_ymd(*first, 1, 1);
            params.not_after = date_time_ymd(*end, 1, 1);
            let pem = params.self_signed(&own).expect("signed").pem();
            self.write(&format!("{name}.{first}.crt"), &pem);
        }
        self.issue(
            &Issuer::new(authority_params(), own),
            name,
            &["client.test"],
        );
    }

    fn issue(&self, ca: &Issuer<'_, KeyPair>, name: &str, names: &[&str]) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params
            .distinguished_name
            .push(DnType::CommonName, "scraper");
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.not_after = date_time_ymd(2090, 1, 1);
        let certificate = params.signed_by(&key, ca).expect("signed");
        self.write(&format!("{name}.crt"), &certificate.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    /// Replaces the server's certificate with one from a new authority, which is stored in `ca.crt`.
    pub fn renew(&self) {
        let ca = authority();
        self.write("ca.crt", &ca.pem());
        self.issue(&ca, "server", &["localhost", "127.0.0.1"]);
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        let path = self.path(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    pub fn write(&self, name: &str, text: &str) {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        // By renaming, as tools that renew certificates do.
        let next = self.path(&format!("{name}.next"));
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = file.open(&next).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        fs::rename(&next, self.path(name)).expect("renamed");
    }

    /// Starts a daemon with this `web`, listening on `listen`.
    pub fn start(&self, listen: &str, web: &str) -> Daemon {
        let text = format!(
            "listen: {listen}
store: {{ path: slod.db }}
web: {web}
services:
  - name: web
    probes:
      - {{ name: home, interval: 1s, http: {{ url: \"http://127.0.0.1:1/\" }} }}
      - {{ name: open, heartbeat: {{ every: 1h }} }}
      - {{ name: guarded, heartbeat: {{ every: 1h, token: job-token }} }}
    objectives: [ {{ name: errors, sli: success, target: 99% }} ]
"
        );
        self.write("slod.yaml", &text);
        let mut daemon = Daemon::start(&self.path("slod.yaml"));
        if daemon.address.ip().is_unspecified() {
            daemon.address.set_ip([127, 0, 0, 1].into());
        }
        daemon
    }

    /// A client that trusts the current `ca.crt`, with the certificate of this name if there is one.
    pub fn client(&self, name: Option<&str>) -> Client {
        let read = |name: String| fs::read(self.path(&name)).expect("a file");
        let ca = Certificate::from_pem(&read("ca.crt".to_owned())).expect("PEM");
        let mut builder = Client::builder()
            .timeout(Duration::from_secs(20))
            .no_proxy()
            .tls_certs_only([ca]);
        if let Some(name) = name {
            let pem = [read(format!("{name}.crt")), read(format!("{name}.key"))].concat();
            builder = builder.identity(Identity::from_pem(&pem).expect("PEM"));
        }
        builder.build().expect("a client")
    }
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn authority() -> Authority {
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(authority_params(), key).expect("self-signed")
}

/// A line of `basic_auth_users`.
pub fn user(name: &str, password: &str) -> String {
    let hash = bcrypt::hash(password, 4).expect("hashed");
    format!("  {name}: {hash}\n")
}

/// The status of a response that is read completely, so that the connection can be reused.
pub async fn status(request: RequestBuilder) -> u16 {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    answer.bytes().await.expect("a body");
    status
}
