//! The `http` probe through a proxy.

use crate::probing::{TIMEOUT, attempt, attempt_in, cause};
use crate::server::{Authority, Leaf, ok};
use slod::outcome::{Cause, Measurement, Verdict};
use std::time::Duration;

#[tokio::test]
async fn a_proxy_forwards_and_tunnels() {
    let (authority, folder) = Authority::in_folder();
    let (target, _) = authority
        .https(Leaf::Good, false, |_| ok("tunnelled"))
        .await;
    let (proxy, seen) = proxy().await;
    let through = async |url: &str| {
        let yaml = format!(
            "{{ url: \"{url}\", proxy: \"http://{proxy}\", proxy_auth: {{ username: u, password: hush }}, tls: {{ ca_file: ca.pem }} }}"
        );
        attempt_in(&yaml, TIMEOUT, folder.path()).await
    };

    let (outcome, story) = through("http://never.test/x").await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let asked = seen.lock().expect("no panic").pop().expect("asked");
    assert!(
        asked.starts_with("GET http://never.test/x HTTP/1.1")
            && asked.contains("Proxy-Authorization: Basic dTpodXNo"),
        "{asked}"
    );

    let (outcome, story) = through(&format!("https://127.0.0.1:{}/", target.port())).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let asked = seen.lock().expect("no panic").pop().expect("asked");
    assert!(asked.starts_with("CONNECT 127.0.0.1:"), "{asked}");

    let (outcome, _) = through("https://127.0.0.1:1/").await;
    assert_eq!(cause(&outcome), Some(Cause::Proxy));
    let nobody = "{ url: \"http://never.test/\", proxy: \"http://127.0.0.1:1\" }";
    assert_eq!(cause(&attempt(nobody, TIMEOUT).await.0), Some(Cause::Proxy));
}

#[tokio::test]
async fn a_slow_tunnel_is_a_part_of_tls() {
    const SLOW: Duration = Duration::from_secs(1);
    let authority = Authority::new();
    let (target, _) = authority.https(Leaf::Good, false, |_| ok("")).await;
    let address = crate::server::tcp(move |mut stream| async move {
        use tokio::io::AsyncWriteExt;
        crate::server::read_request(&mut stream).await;
        tokio::time::sleep(SLOW).await;
        let mut onward = tokio::net::TcpStream::connect(target).await.expect("there");
        // Lines can end with LF only.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\n\n").await;
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await;
    let yaml = format!(
        "{{ url: \"https://127.0.0.1/\", proxy: \"http://{address}\", tls: {{ insecure: true }} }}"
    );
    let (outcome, story) = attempt(&yaml, TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let spent = |phase| outcome.measured.get(phase).expect("it was entered");
    assert!(
        spent(Measurement::Connect) < SLOW && spent(Measurement::Tls) >= SLOW,
        "{story}"
    );

    let (outcome, _) = attempt(&yaml, SLOW / 2).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout));
    let message = outcome.detail.message.expect("a sentence");
    assert!(
        message.contains("the proxy's response to CONNECT"),
        "{message}"
    );
}

#[tokio::test]
async fn a_missing_proxy_login_is_reported_as_the_cause() {
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let proxy = crate::server::tcp(move |mut stream| async move {
        use tokio::io::AsyncWriteExt;
        crate::server::read_request(&mut stream).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let login = "proxy_auth: { username: u, password: hush }";
    for (url, rest, expected) in [
        ("http://never.test/", "", "set `proxy_auth`"),
        ("https://never.test/", "", "set `proxy_auth`"),
        ("http://never.test/", login, "rejects the login"),
        ("https://never.test/", login, "rejects the login"),
    ] {
        let yaml = format!("{{ url: \"{url}\", proxy: \"http://{proxy}\", {rest} }}");
        let (outcome, story) = attempt(&yaml, TIMEOUT).await;
        assert_eq!(cause(&outcome), Some(Cause::Proxy), "{story}");
        let message = outcome.detail.message.expect("a sentence");
        assert!(message.contains(expected), "{message}");
    }
    let asked = "expect: { status: 407 }";
    let yaml = format!("{{ url: \"http://never.test/\", proxy: \"http://{proxy}\", {asked} }}");
    assert_eq!(attempt(&yaml, TIMEOUT).await.0.verdict, Verdict::Good);
    // Without a proxy, it is a status like any other.
    let (outcome, _) = attempt(&format!("{{ url: \"http://{proxy}/\" }}"), TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Status));
}

/// Answers plain requests itself, and tunnels to 127.0.0.1.
async fn proxy() -> (std::net::SocketAddr, crate::server::Seen) {
    let seen = crate::server::Seen::default();
    let log = seen.clone();
    let address = crate::server::tcp(move |mut stream| {
        let log = log.clone();
        async move {
            use tokio::io::AsyncWriteExt;
            let request = crate::server::read_request(&mut stream).await;
            let target = request
                .strip_prefix("CONNECT ")
                .and_then(|rest| rest.split(' ').next())
                .map(str::to_owned);
            log.lock().expect("no panic").push(request);
            let Some(target) = target else {
                let _ = stream.write_all(&ok("forwarded")).await;
                return;
            };
            match tokio::net::TcpStream::connect(target).await {
                Ok(mut onward) => {
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                        .await;
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
                }
                Err(_) => drop(stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await),
            }
        }
    })
    .await;
    (address, seen)
}
