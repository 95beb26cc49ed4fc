//! Pauses between and within sequences.

use super::*;

#[tokio::test]
async fn a_step_can_have_its_own_think_time() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let log = times.clone();
    let (_, service) = recording(move |_, _| {
        log.lock()
            .expect("no panic")
            .push(std::time::Instant::now());
        ok("", "ok")
    });
    let second = Request {
        think: Some(Duration::from_millis(150)),
        ..request("/second")
    };
    let address = answer(service);
    let steps = vec![request("/first"), second];
    for model in [
        Model::Closed {
            think: Duration::ZERO,
        },
        Model::Open { poisson: false },
    ] {
        times.lock().expect("no panic").clear();
        let sequence = Sequence {
            steps: steps.clone(),
            weight: 1,
        };
        let mut plan = plan(address, model, &[(1.0, 1.0, 400)]);
        plan.mix = Arc::new(Mix::new(vec![sequence]).expect("one"));
        finished(plan).await;
        let times = times.lock().expect("no panic");
        let gap = times[1] - times[0];
        let expected = Duration::from_millis(149)..Duration::from_millis(390);
        assert!(expected.contains(&gap), "{gap:?} of {model:?}");
    }
}

/// The next request after a failed step begins a new sequence.
#[tokio::test]
async fn a_failed_step_is_followed_by_the_think_time_of_the_scenario() {
    let service: Answering = Arc::new(|_, _| "HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n".into());
    let second = Request {
        think: Some(Duration::ZERO),
        ..request("/second")
    };
    let think = Duration::from_millis(400);
    let steps = vec![request("/first"), second];
    let done = run(service, Model::Closed { think }, &[(1.0, 1.0, 1000)], steps).await;
    assert_eq!(done.requests[0].failed, [(Cause::Status, 3)]);
}

#[tokio::test]
async fn thinking_users_send_no_requests_after_a_stop() {
    let (seen, service) = recording(|_, _| ok("", "ok"));
    let second = Request {
        think: Some(Duration::from_secs(3)),
        ..request("/second")
    };
    let address = answer(service);
    for model in [CLOSED, EVEN] {
        seen.lock().expect("no panic").clear();
        let sequence = Sequence {
            steps: vec![request("/first"), second.clone()],
            weight: 1,
        };
        let mut plan = plan(address, model, &[(20.0, 20.0, 10_000)]);
        plan.mix = Arc::new(Mix::new(vec![sequence]).expect("one"));
        let mut engine = Engine::start(plan).expect("it starts");
        engine.next(|| None).await.expect("a second");
        engine.stop();
        while engine.next(|| None).await.is_some() {}
        let done = engine.finish();
        let seen = seen.lock().expect("no panic");
        assert!(seen.len() >= 15, "{model:?}: {}", seen.len());
        let paths = seen.iter().filter_map(|(head, _)| head.split(' ').nth(1));
        assert!(paths.clone().all(|path| path == "/first"), "{model:?}");
        assert_eq!(done.requests[1].completed(), 0, "{model:?}");
    }
}
