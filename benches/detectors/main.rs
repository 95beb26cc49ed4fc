//! How often the detectors of trends are wrong, and how often they find what there is: the tables of
//! docs/SIGNALS.md. Histories are random and the same in every run.
//!
//! ```text
//! cargo bench -p slod-core --bench detectors
//! ```

mod memory;
mod noise;
mod soak;
mod watch;

const HISTORIES: u64 = 1000;

fn main() {
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|arg| arg == name);
    if wanted("soak") {
        soak::memory();
        soak::latency();
        soak::errors();
    }
    if wanted("watch") {
        for hours in [2, 6] {
            watch::memory(hours);
        }
    }
}

/// A share of the histories, for people.
fn share_of(count: usize) -> String {
    format!("{:.1} %", count as f64 * 100.0 / HISTORIES as f64)
}

/// A Markdown table.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new<const N: usize>(header: [&str; N]) -> Self {
        let rule = [vec!["---".to_owned()], vec!["---:".to_owned(); N - 1]].concat();
        Self(vec![header.map(str::to_owned).to_vec(), rule])
    }

    fn row<const N: usize>(&mut self, name: &str, cells: [String; N]) {
        self.0.push([&[name.to_owned()], &cells[..]].concat());
    }

    fn print(&self) {
        for row in &self.0 {
            println!("| {} |", row.join(" | "));
        }
        println!();
    }
}
