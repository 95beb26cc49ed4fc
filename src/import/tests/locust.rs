//! Histories of Locust.

use super::*;

#[test]
fn requests_of_locust_without_percentiles_wait_for_some_and_none_is_lost() {
    let text = "Timestamp,User Count,Type,Name,50%,95%,Total Request Count,Total Failure Count
1790000000,10,,Aggregated,N/A,N/A,30,1
1790000001,10,,Aggregated,N/A,N/A,60,1
1790000002,10,,Aggregated,50,200,100,2
";
    let run = read(Tool::Locust, text).expect("readable");
    let counts = run.windows.iter();
    let counts: Vec<_> = counts.map(|one| (one.completed(), one.errors())).collect();
    assert_eq!(counts, [(100, 2)]);
    let text = text.replace("1790000002", "9223372036854775807");
    assert!(read(Tool::Locust, &text).is_ok());
    let header = text.lines().next().unwrap_or_default();
    let one = format!("{header}\n1790000002,10,,Aggregated,50,200,100,2\n");
    let fault = read(Tool::Locust, &one).expect_err("no rate");
    assert_eq!(
        fault,
        "line 3: a rate requires at least two lines of history"
    );
}

#[test]
fn zero_percentiles_in_locust_are_unknown() {
    let header = "Timestamp,User Count,Type,Name,50%,95%,Total Request Count,Total Failure Count,Total Max Response Time";
    let fastest = |longest: &str| {
        let rows = format!(
            "{header}
1790000000,10,,Aggregated,0,0,40,0,{longest}
1790000001,10,,Aggregated,20,30,80,0,47.5
"
        );
        let run = read(Tool::Locust, &rows).expect("readable");
        let figures = crate::load::Figures::of(&run.windows);
        (
            figures.completed,
            figures.extremes().map(|(least, _)| least.is_zero()),
        )
    };
    assert_eq!(fastest("47.5"), (80, Some(false)));
    // Requests may be this fast: Locust rounds to whole milliseconds.
    assert_eq!(fastest("0.4"), (80, Some(true)));
}

#[test]
fn locust_percentiles_are_preserved() {
    let text = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,Total Request Count,Total Failure Count,Total Average Content Size
1790000000,10,GET,/chat,0.0,0.0,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,0,0,0
1790000000,10,,Aggregated,0.0,0.0,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,0,0,0
1790000001,20,,Aggregated,100.0,1.0,50,60,70,80,90,200,300,400,500,500,600,100,2,98.0
1790000002,20,,Aggregated,100.0,1.0,50,60,70,80,90,200,300,400,500,500,600,150,2,98.5
";
    let run = read(Tool::Locust, text).expect("readable");
    let counts: Vec<_> = run
        .windows
        .iter()
        .map(|one| (one.completed(), one.errors()))
        .collect();
    assert_eq!(counts, [(100, 2), (50, 0)]);
    let received = run.windows.iter().map(|one| one.transferred.received);
    assert!(received.eq([Some(9_800), Some(4_975)]));
    assert!((run.windows[0].active - 20.0).abs() < 1e-9);
    let scale = Scale::new([]);
    let quantile = |q: f64| {
        let (mut left, window) = (whole(q * 100.0), &run.windows[0]);
        let mut codes = window.latency.iter();
        let found = codes.find(|(_, count)| {
            left = left.saturating_sub(*count);
            left == 0
        });
        scale.middle(found.expect("enough").0).as_secs_f64() * 1000.0
    };
    for (q, ms) in [(0.5, 50.0), (0.95, 200.0), (0.99, 400.0)] {
        assert!(
            (quantile(q) / ms - 1.0_f64).abs() < 0.01,
            "{q}: {}",
            quantile(q)
        );
    }
}
