//! Processes of the service that were restarted, or ended, during a run.

use super::advice;
use crate::load::RunRecord;
use crate::load::observed::{Curve, gauges, rates};
use crate::load::verdict::{Answer, Statement};
use crate::units::whole;
use std::time::Duration;

/// The counter of restarts.
pub(super) const RESTARTS: &str = "slod_process_restarts_total";
/// The number of processes.
const INSTANCES: &str = "slod_process_instances";

/// States which processes were restarted, and which ended and did not run at the end; `None` if there are none.
pub(in crate::load) fn statement(run: &RunRecord) -> Option<Statement> {
    let restarted = rates(run, RESTARTS);
    let restarted = restarted.iter().filter_map(|curve| restarts(run, curve));
    let ended = gauges(run, INSTANCES);
    let ended = ended.iter().filter_map(|curve| end(run, curve));
    let all: Vec<String> = restarted.chain(ended).collect();
    let bad = || Statement::new("restarts", Answer::Bad, all.join("; "));
    (!all.is_empty()).then(|| bad().advised(advice::RESTART))
}

/// `app of rag restarted 93 s after the start (12:03:10 UTC)`
fn restarts(run: &RunRecord, curve: &Curve) -> Option<String> {
    let mut times = curve.points.iter().filter(|(_, rate)| *rate > 0.0);
    let (first, _) = times.next()?;
    let (subject, at) = (curve.subject(), moment(run, *first));
    Some(match times.count() {
        0 => format!("{subject} restarted {at}"),
        more => format!("{subject} restarted {} times, first {at}", more + 1),
    })
}

/// `app of rag ended 93 s after the start (12:03:10 UTC) and was not running at the end`
fn end(run: &RunRecord, curve: &Curve) -> Option<String> {
    let last = curve.points.iter().rposition(|(_, count)| *count > 0.0)?;
    let (ended, _) = curve.points.get(last + 1)?;
    let (subject, at) = (curve.subject(), moment(run, *ended));
    Some(format!(
        "{subject} ended {at} and was not running at the end"
    ))
}

fn moment(run: &RunRecord, seconds: f64) -> String {
    let at = run.from.after(Duration::from_secs(whole(seconds)));
    let at = at.to_utc().format("%H:%M:%S");
    format!("{seconds:.0} s after the start ({at} UTC)")
}
