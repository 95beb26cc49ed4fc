//! Threads that panic, and invalid responses.

use super::server::answer;
use super::*;

/// A connector whose third connection panics.
struct Breaks(To, Mutex<u32>);

#[async_trait]
impl Connect for Breaks {
    async fn connect(&self) -> Result<OpenConnection, ConnectError> {
        let count = {
            let mut count = self.1.lock().expect("no panic holds it");
            *count += 1;
            *count
        };
        assert_ne!(count, 3, "on purpose");
        self.0.connect().await
    }
}

#[tokio::test]
async fn a_panicked_thread_ends_the_run_and_is_counted() {
    let address = answer(Arc::new(|_, _| {
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok".to_owned()
    }));
    for model in [
        EVEN,
        Model::Closed {
            think: Duration::from_millis(50),
        },
    ] {
        let mut plan = plan(address, model, &[(20.0, 20.0, 20_000)]);
        plan.connect = Arc::new(Breaks(To(address), Mutex::new(0)));
        let began = Instant::now();
        let done = finished(plan).await;
        assert_eq!(done.panicked, 1, "{model:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{model:?}");
    }
}

#[tokio::test]
async fn the_reason_for_an_invalid_response_is_recorded() {
    let run = async |head: &'static str| {
        let address = answer(Arc::new(move |_, _| format!("{head}\r\n\r\nok")));
        finished(plan(address, EVEN, &[(20.0, 20.0, 200)])).await
    };
    let refused = run("HTTP/1.1 200 OK\r\nContent-Length: x").await;
    let words = "the response is invalid: the Content-Length is not a valid length; it begins with \"HTTP/1.1 200 OK\"";
    assert_eq!(refused.examples, [(Cause::Protocol, words.to_owned())]);
    assert_eq!(refused.requests[0].failed, [(Cause::Protocol, 4)]);
    let taken = run("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2").await;
    assert_eq!((taken.examples, taken.requests[0].good), (Vec::new(), 4));
}
