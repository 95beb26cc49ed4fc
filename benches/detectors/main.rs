//! How often the detectors of trends are wrong, and how often they find what there is: the tables of
//! docs/SIGNALS.md. Histories are random and the same in every run.
//!
//! ```text
//! cargo bench -p slod-core --bench detectors                    # all but the benchmark
//! cargo bench -p slod-core --bench detectors -- soak            # also: watch, unknown, month, signs, providers, queue
//! cargo bench -p slod-core --bench detectors -- nab FOLDER
//! ```

mod days;
mod errors;
mod memory;
mod minutes;
mod nab;
mod noise;
mod providers;
mod queue;
mod saturation;
mod soak;
mod unknown;
mod usual;
mod watch;

use std::path::Path;
use std::thread;

const HISTORIES: u64 = 1000;

fn main() {
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|arg| arg == name);
    if let [nab, folder] = &chosen[..]
        && nab == "nab"
    {
        nab::report(Path::new(folder));
        return;
    }
    if wanted("soak") {
        soak::memory();
        soak::latency();
        soak::errors();
    }
    if wanted("watch") {
        watch::memory();
        watch::latency();
    }
    if wanted("unknown") {
        unknown::memory();
    }
    if wanted("month") {
        watch::month();
    }
    if wanted("signs") {
        usual::latency();
        usual::throughput();
        saturation::peak();
        saturation::pool();
        errors::climbing();
    }
    if wanted("providers") {
        providers::slow();
        providers::failing();
    }
    if wanted("queue") {
        queue::growing_queue();
    }
}

/// The results of all histories, each made from its number, on all processors.
fn histories<T: Send>(judge: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let part = |number: u64| {
        let judge = &judge;
        move || -> Vec<T> {
            let own = (0..HISTORIES).filter(|seed| seed % threads == number);
            own.map(judge).collect()
        }
    };
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|number| scope.spawn(part(number)))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().expect("no panic"))
            .collect()
    })
}

/// A share of the histories, for people.
fn share_of(count: usize) -> String {
    format!("{:.1}%", count as f64 * 100.0 / HISTORIES as f64)
}

/// A Markdown table.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new<const N: usize>(header: [&str; N]) -> Self {
        let rule = [vec!["---".to_owned()], vec!["---:".to_owned(); N - 1]].concat();
        Self(vec![header.map(str::to_owned).to_vec(), rule])
    }

    fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        let name = std::iter::once(name.to_owned());
        self.0.push(name.chain(cells).collect());
    }

    fn print(&self) {
        for row in &self.0 {
            println!("| {} |", row.join(" | "));
        }
        println!();
    }
}
