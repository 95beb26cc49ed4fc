//! How long the front page takes with a thousand services. The promise: under 20 ms.

#[path = "../tests/project/synthetic/mod.rs"]
mod synthetic;

use slod::web::page::{View, render_overview};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 50;
const SERVICES: usize = 1000;

fn main() {
    let snapshot = synthetic::many(SERVICES);
    let firing = synthetic::firing(&snapshot.services);
    let system = synthetic::system();
    let view = View {
        now: snapshot.at,
        reload: false,
        store_trouble: None,
    };
    let size = render_overview(&snapshot, &firing, &system, view).len();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(render_overview(
                black_box(&snapshot),
                &firing,
                &system,
                view,
            ));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "{SERVICES} services, {} KiB: median {:?}, worst {:?} of {ROUNDS}",
        size / 1024,
        times[ROUNDS / 2],
        times[ROUNDS - 1]
    );
}
