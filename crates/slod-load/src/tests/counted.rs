//! Counts of received and sent bytes.

use super::endings::Http2;
use super::server::{Answering, Ending, answer, breaking};
use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test]
async fn heads_and_bodies_are_counted_by_request_and_window() {
    let (received, sent) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (to_client, from_client) = (received.clone(), sent.clone());
    let answering: Answering = Arc::new(move |head, body| {
        let size = if head.starts_with("GET /large ") {
            50_000
        } else {
            2
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n{}",
            "x".repeat(size)
        );
        let read = head.len() + "\r\n\r\n".len() + body.len();
        from_client.fetch_add(read as u64, Ordering::Relaxed);
        to_client.fetch_add(answer.len() as u64, Ordering::Relaxed);
        answer
    });
    let think = Duration::from_millis(20);
    let mut plan = plan(
        answer(answering),
        Model::Closed { think },
        &[(4.0, 4.0, 300)],
    );
    let large = Request {
        body: Templated::Fixed("a body".into()),
        ..request("/large")
    };
    let mix = Mix::new(vec![alone(request("/small"), 1), alone(large, 1)]);
    plan.mix = Arc::new(mix.expect("two"));
    let run = finished(plan).await;
    let load = |count: &AtomicU64| Some(count.load(Ordering::Relaxed));
    let of_windows = crate::merged(&run.windows).expect("some").transferred;
    assert_eq!(
        (of_windows.received, of_windows.sent),
        (load(&received), load(&sent))
    );
    let [small, large] = [0, 1].map(|place| run.requests[place].transferred);
    assert_eq!(small.and(large), of_windows);
    let least = 50_000 * run.requests[1].good;
    assert!(
        large
            .received
            .is_some_and(|bytes| bytes > least && bytes < least + 5_000)
    );
}

#[tokio::test]
async fn bytes_of_broken_responses_are_counted() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin";
    // An empty SETTINGS frame.
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let broken = |sent: &[u8]| To(breaking(sent, Ending::Closed));
    let connectors: [(Arc<dyn Connect>, usize); 2] = [
        (Arc::new(broken(head)), head.len()),
        (Arc::new(Http2(broken(&settings))), settings.len()),
    ];
    for (connect, each) in connectors {
        let mut plan = plan(([127, 0, 0, 1], 1).into(), EVEN, &[(20.0, 20.0, 100)]);
        plan.connect = connect;
        let run = finished(plan).await;
        assert_eq!(run.requests[0].errors(), 2);
        let bytes = run.requests[0].transferred;
        assert_eq!(bytes.received, Some(2 * each as u64));
        assert!(bytes.sent.is_some_and(|sent| sent > 40), "{bytes:?}");
    }
}
