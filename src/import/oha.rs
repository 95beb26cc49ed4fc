//! What `oha --output-format csv` writes: a line for each answered request, with times in seconds
//! since the start. Requests without an answer are not in it.

use super::collect::{ClientRequest, Collector};
use super::{ImportError, Lines, csv};
use crate::outcome::{Cause, Timestamp};
use std::io::BufRead;
use std::time::Duration;

pub(super) fn read(
    lines: &mut Lines<impl BufRead>,
    collector: &mut Collector,
    started: Timestamp,
) -> Result<(), ImportError> {
    let Some(header) = lines.next()? else {
        return Ok(());
    };
    let names = ["request-start", "request-duration", "status"];
    let columns = csv::columns(&header, names).map_err(|what| lines.fault(what))?;
    while let Some(line) = lines.record()? {
        let values = csv::values(&line);
        let [begin, took, status] = columns.map(|place| {
            values
                .get(place)
                .and_then(|text| text.trim().parse::<f64>().ok())
        });
        let times = begin
            .zip(took)
            .and_then(|(begin, took)| Some((span(begin)?, span(took)?)));
        let (Some((begin, took)), Some(status)) = (times, status) else {
            return Err(lines.fault("has no valid start, duration or status"));
        };
        collector.request(ClientRequest {
            ended: started.after(begin).after(took),
            latency: took,
            failed: (!(200.0..400.0).contains(&status)).then_some(Cause::Status),
        });
    }
    Ok(())
}

fn span(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}
