//! Reads `NAME_failures.csv` of `locust --csv NAME`: the errors of the whole run with their counts. The history has
//! only the number of failures of each second, so every second gets the same shares of causes.

use super::failures::{cause_of, status_cause};
use super::locust_counts::{FAILED, cause, words};
use super::{ImportError, Lines, csv};
use crate::load::RunRecord;
use crate::outcome::Cause;
use crate::units::whole;
use std::io::BufRead;

/// Replaces the cause of all failures of a run of Locust.
pub fn explain(run: &mut RunRecord, input: impl BufRead) -> Result<(), ImportError> {
    let mut failures = Failures::read(&mut Lines::new(input))?;
    if failures.total == 0 {
        return Ok(());
    }
    for window in &mut run.windows {
        window.failed = failures.split(window.errors());
    }
    run.examples = std::mem::take(&mut failures.examples);
    Ok(())
}

#[derive(Default)]
struct Failures {
    causes: Vec<(Cause, u64)>,
    total: u64,
    /// Failures that were already split.
    done: u64,
    /// How many of them each cause got.
    given: Vec<u64>,
    examples: Vec<(Cause, String)>,
}

impl Failures {
    fn read(lines: &mut Lines<impl BufRead>) -> Result<Self, ImportError> {
        let mut all = Self::default();
        let Some(header) = lines.next()? else {
            return Ok(all);
        };
        let columns = csv::columns(&header, ["Error", "Occurrences"]).map_err(|what| {
            lines.fault(format!(
                "{what}, as in the file NAME_failures.csv of `locust --csv NAME`"
            ))
        })?;
        while let Some(line) = lines.record()? {
            let values = csv::values(&line);
            let [error, count] =
                columns.map(|place| values.get(place).map_or("", |text| text.trim()));
            let count: u64 = count
                .parse()
                .map_err(|_| lines.fault("invalid number of occurrences"))?;
            all.add(error, count.min(u32::MAX.into()));
        }
        Ok(all)
    }

    fn add(&mut self, error: &str, count: u64) {
        let (cause, words) = read_error(error);
        self.total += count;
        if let Some((_, known)) = self.causes.iter_mut().find(|(known, _)| *known == cause) {
            *known += count;
        } else {
            self.causes.push((cause, count));
            self.given.push(0);
            self.examples.push((cause, words));
        }
    }

    /// The causes of the next failures, in proportion. Rounding errors do not add up.
    fn split(&mut self, failed: u64) -> Vec<(Cause, u64)> {
        self.done += failed;
        let share = self.done as f64 / self.total as f64;
        let each = self.causes.iter().zip(&self.given);
        let due: Vec<f64> = each
            .map(|((_, count), given)| share * *count as f64 - *given as f64)
            .collect();
        let mut left = failed;
        let mut split: Vec<u64> = due
            .iter()
            .map(|due| {
                let count = whole(due.floor()).min(left);
                left -= count;
                count
            })
            .collect();
        while left > 0 {
            let lack = |place: usize| due[place] - split[place] as f64;
            let places = 0..due.len();
            let Some(most) = places.max_by(|a, b| lack(*a).total_cmp(&lack(*b))) else {
                break;
            };
            split[most] += 1;
            left -= 1;
        }
        for (given, count) in self.given.iter_mut().zip(&split) {
            *given += count;
        }
        let named = self.causes.iter().zip(split);
        let mut named: Vec<_> = named
            .map(|((cause, _), count)| (*cause, count))
            .filter(|(_, count)| *count > 0)
            .collect();
        named.sort_unstable();
        named
    }
}

/// Cause and description of an error as Python writes it: `HTTPError('503 Server Error: ... for url: ...')`,
/// `CatchResponseError('status 429')`.
fn read_error(error: &str) -> (Cause, String) {
    let text = error.split_once('(').map_or(error, |(_, text)| text);
    let text = text.strip_suffix(')').unwrap_or(text);
    let text = text.trim_matches(['\'', '"']);
    if error.starts_with("CatchResponseError(") {
        let error = format!("{FAILED}{text}");
        return (cause(&error), words(&error, None));
    }
    let number = text.split_once(' ').map_or(text, |(number, _)| number);
    match number.parse::<u16>() {
        Ok(status @ 300..=599) if error.contains("Error('") => {
            (status_cause(status), format!("status {status}"))
        }
        _ => (cause_of(error), error.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{LoadWindow, Scenario, builtin};
    use crate::outcome::Timestamp;

    const HEADER: &str = "Method,Name,Error,Occurrences\n";

    fn explained(failed: &[u64], lines: &str) -> RunRecord {
        let scenario: Scenario = builtin("baseline", 1.0).expect("built in");
        let mut run = RunRecord::begun("web", scenario, "locust", Timestamp(0));
        let windows = failed.iter().map(|count| LoadWindow {
            failed: vec![(Cause::Status, *count)],
            ..LoadWindow::default()
        });
        run.windows = windows.collect();
        explain(&mut run, format!("{HEADER}{lines}").as_bytes()).expect("readable");
        run
    }

    #[test]
    fn failures_have_the_causes_of_the_whole_run() {
        let lines = "GET,/a,HTTPError('429 Client Error: Too Many Requests for url: /a'),60
GET,/b,\"ConnectionRefusedError(111, 'Connection refused')\",30
POST,/c,CatchResponseError('status 503'),10
";
        let run = explained(&[50, 7, 1, 1, 1, 40], lines);
        for (window, failed) in run.windows.iter().zip([50, 7, 1, 1, 1, 40]) {
            assert_eq!(window.errors(), failed);
        }
        let mut causes = run.causes();
        causes.sort_unstable();
        let expected = [
            (Cause::Refused, 30),
            (Cause::RateLimited, 60),
            (Cause::Status, 10),
        ];
        for (cause, count) in expected {
            let found = causes.iter().find(|(known, _)| *known == cause);
            let found = found.map_or(0, |(_, count)| *count);
            assert!(found.abs_diff(count) <= 3, "{causes:?}");
        }
        assert_eq!(run.example(Cause::RateLimited), Some("status 429"));
        assert_eq!(run.example(Cause::Status), Some("status 503"));
    }

    #[test]
    fn without_failures_nothing_changes() {
        let run = explained(&[3], "");
        assert_eq!(run.causes(), [(Cause::Status, 3)]);
    }
}
