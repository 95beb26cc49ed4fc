//! The levels of a scenario with Locust, and what a run must keep.

use super::{Limits, Script, locust_rate};
use crate::load::Model;
use std::fmt::Write as _;

pub(super) fn shape(text: &mut String, script: &Script) {
    text.push_str("\n\nclass Shape(LoadTestShape):\n    # seconds, level at the begin, level at the end\n    stages = [\n");
    for stage in &script.scenario.stages {
        let (length, from, to) = (stage.length.as_secs_f64(), stage.from, stage.to);
        writeln!(text, "        ({length}, {from}, {to}),").unwrap_or_default();
    }
    text.push_str(
        "    ]

    def tick(self):
        elapsed = self.get_run_time()
        left = sum(length for length, _, _ in self.stages) - elapsed
        # Locust asks once per second: the level is that of the middle of this time.
        elapsed += min(0.5, left / 2)
        for length, begin, end in self.stages if left > 0 else []:
            if elapsed < length:
                level = begin + (end - begin) * elapsed / length
",
    );
    // Locust adds so many users per second.
    let users_per_level = if matches!(script.scenario.model, Model::Closed { .. }) {
        1.0
    } else {
        locust_rate::period(&script.scenario)
    };
    let spawn_rate = (script.scenario.peak() * users_per_level).ceil().max(100.0);
    write!(
        text,
        "                return round(level * {users_per_level}), {spawn_rate}
            elapsed -= length
        return None
"
    )
    .unwrap_or_default();
}

pub(super) fn limits(text: &mut String, limits: &Limits) {
    text.push_str(
        "

@events.quitting.add_listener
def judge(environment, **kwargs):
    if isinstance(environment.runner, WorkerRunner):
        return
    total = environment.stats.total
    faults = []
    if total.num_requests == 0:
        faults.append(\"no request was made\")
",
    );
    for (quantile, below) in &limits.latencies {
        let ms = below.as_secs_f64() * 1000.0;
        writeln!(
            text,
            "    if total.num_requests and total.get_response_time_percentile({quantile}) >= {ms}:\n        \
             faults.append(\"p{} is not below {ms} ms\")",
            quantile * 100.0
        )
        .unwrap_or_default();
    }
    if let Some(failed) = limits.failed {
        writeln!(
            text,
            "    if total.fail_ratio >= {failed}:\n        \
             faults.append(\"the share of failed requests is not below {failed}\")"
        )
        .unwrap_or_default();
    }
    text.push_str(
        "    for fault in faults:
        print(fault)
    if faults:
        environment.process_exit_code = 1
",
    );
}
