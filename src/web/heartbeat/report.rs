//! Result of a job, from the parameters of its report.

use crate::diagnostic::nearest;
use crate::web::problem::Problem;
use axum::http::StatusCode;

/// Parameters that hold the status or the exit code of a job, including names used by other services: `s` by
/// Dead Man's Snitch, `status_code` by Cronitor. Without `-` and `_`.
const STATUS: [&str; 12] = [
    "status",
    "s",
    "state",
    "result",
    "exit",
    "exitcode",
    "exitstatus",
    "statuscode",
    "rc",
    "code",
    "returncode",
    "serviceresult",
];
/// Parameters that hold a text.
const MESSAGE: [&str; 3] = ["msg", "message", "m"];
/// Parameters whose name is the status: `?fail`, `?success=false`.
const SUCCESS: [&str; 5] = ["ok", "success", "succeeded", "up", "passed"];
const FAILURE: [&str; 5] = ["fail", "failed", "failure", "error", "down"];
/// Words for success in schedulers and other services. Alertmanager sends `firing` for an alert that always
/// fires while Prometheus works, and `resolved` when it no longer does.
const SUCCEEDED: [&str; 5] = ["complete", "completed", "done", "pass", "firing"];
/// Words for a job that has not ended, used by Cronitor, Sentry, Healthchecks and others to report a start
/// or a log line.
const UNFINISHED: [&str; 13] = [
    "start",
    "started",
    "starting",
    "begin",
    "run",
    "running",
    "pending",
    "queued",
    "progress",
    "in_progress",
    "in-progress",
    "inprogress",
    "log",
];
/// Words for a job that has ended with any result; systemd's `$EXIT_CODE` is `exited`.
const ENDED: [&str; 3] = ["exited", "ended", "finished"];
const YES: [&str; 3] = ["true", "yes", "on"];
const NO: [&str; 5] = ["false", "no", "off", "none", "null"];

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) failed: bool,
    /// Shown with a failure, unless the report has a body.
    pub(super) text: String,
}

impl Report {
    /// Without a status the job succeeded. Everything that is not a known success is a failure: an exit
    /// code, the name of a signal, or an unknown word. One of several parameters that reports a failure is
    /// enough. Unknown parameters are ignored, so that no report is lost because of them.
    pub(super) fn read(parameters: &[(String, String)]) -> Result<Self, Problem> {
        let mut said: Vec<_> = parameters
            .iter()
            .filter_map(|(name, value)| Status::read(name, value.trim()))
            .collect();
        if said.iter().any(|status| !status.is_open) {
            said.retain(|status| !status.is_open);
        }
        if said.is_empty() {
            misspelled(parameters).map_or(Ok(()), Err)?;
        }
        let is_failure = |status: &&Status<'_>| matches!(status.failed, Ok(true));
        let failures: Vec<_> = said
            .iter()
            .filter(is_failure)
            .map(|one| one.value)
            .collect();
        let failed = !failures.is_empty();
        let text = message(parameters).or_else(|| reason(&failures));
        let text = text.unwrap_or_default().to_owned();
        for status in said.into_iter().filter(|_| !failed) {
            status.failed?;
        }
        Ok(Self { failed, text })
    }
}

/// Whether a parameter states the result.
pub(super) fn states_result((name, value): &(String, String)) -> bool {
    status(name, value.trim()).is_some()
}

/// The name as in [`STATUS`].
fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '_'], "")
}

fn is_message(name: &str) -> bool {
    MESSAGE.iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn message(parameters: &[(String, String)]) -> Option<&str> {
    let named = parameters.iter().filter(|(name, _)| is_message(name));
    named
        .map(|(_, value)| value.trim())
        .find(|value| !value.is_empty())
}

/// The most informative text about a failure: `boom` of `?success=false&error=boom`.
fn reason<'v>(failures: &[&'v str]) -> Option<&'v str> {
    let says_more = |value: &&&str| {
        let word = value.to_ascii_lowercase();
        ![&FAILURE[..], &YES, &NO]
            .iter()
            .any(|words| words.contains(&word.as_str()))
    };
    let mut texts = failures.iter().filter(|value| !value.is_empty());
    let first = texts.clone().next();
    texts.find(says_more).or(first).copied()
}

/// What one parameter states about the result of the job.
struct Status<'v> {
    /// Whether other parameters can state the result: it is empty, or only says that the job ended.
    is_open: bool,
    failed: Result<bool, Problem>,
    value: &'v str,
}

impl<'v> Status<'v> {
    fn read(name: &str, value: &'v str) -> Option<Self> {
        let failed = status(name, value)?;
        let name = plain(name);
        // `?fail` needs no value, but `?error=` means no error.
        let can_be_empty = name == "error" || STATUS.contains(&name.as_str());
        let word = value.to_ascii_lowercase();
        let is_open = value.is_empty() && can_be_empty || ENDED.contains(&word.as_str());
        Some(Self {
            is_open,
            failed,
            value,
        })
    }
}

/// Whether the job failed, if the parameter states the result.
fn status(name: &str, value: &str) -> Option<Result<bool, Problem>> {
    let (name, value) = (plain(name), value.to_ascii_lowercase());
    let (name, value) = (name.as_str(), value.as_str());
    if STATUS.contains(&name) {
        return Some(ended(value));
    }
    if SUCCESS.contains(&name) {
        return Some(succeeded(value));
    }
    // `?error=disk full` has a text, `?failed=0` is a success.
    let is_no = NO.contains(&value) || number(value) == Some(false);
    FAILURE.contains(&name).then_some(Ok(!is_no))
}

/// Parses the value of a success parameter: empty, yes or no, a count (`?passed=17`), or a status.
fn succeeded(value: &str) -> Result<bool, Problem> {
    match number(value) {
        _ if value.is_empty() => Ok(false),
        Some(is_any) => Ok(!is_any),
        None => ended(value),
    }
}

fn ended(word: &str) -> Result<bool, Problem> {
    let is_one_of = |words: &[&[&str]]| words.iter().any(|words| words.contains(&word));
    if is_one_of(&[&SUCCESS, &SUCCEEDED, &YES]) || number(word) == Some(false) {
        return Ok(false);
    }
    if word.is_empty() || is_one_of(&[&UNFINISHED, &ENDED]) {
        let title = format!("`{word}` does not state the result of a job");
        return Err(refused(&title, Some("expected ok, fail or an exit code")));
    }
    match nearest(word, SUCCESS) {
        Some(near) if number(word).is_none() && nearest(word, FAILURE).is_none() => {
            let why = format!("did you mean {near}?");
            Err(refused(&format!("unknown status `{word:.60}`"), Some(&why)))
        }
        _ => Ok(true),
    }
}

/// Whether a number is not 0; any length, because exit codes differ between systems.
fn number(text: &str) -> Option<bool> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.bytes().any(|byte| byte != b'0'))
}

/// Misspelled parameters such as `?stauts=fail` must not count as a success.
fn misspelled(parameters: &[(String, String)]) -> Option<Problem> {
    let is_failure = |(name, value): &&(String, String)| {
        !is_message(name) && FAILURE.contains(&&*value.trim().to_ascii_lowercase())
    };
    let (name, value) = parameters.iter().find(is_failure)?;
    let title =
        format!("`{name:.60}` does not state the result of a job; expected `status={value}`");
    Some(refused(&title, None))
}

fn refused(title: &str, why: Option<&str>) -> Problem {
    let problem = Problem::new(StatusCode::BAD_REQUEST, title);
    match why {
        Some(why) => problem.because(why),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::form_urlencoded;

    fn read(query: &str) -> Result<(bool, String), ()> {
        let parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let report = Report::read(&parameters).map_err(|_| ())?;
        Ok((report.failed, report.text))
    }

    #[test]
    fn reports_without_a_failure_are_successes() {
        for query in [
            "",
            "status=ok",
            "Status=UP",
            "exit=0",
            "exit=0%20",
            "rc=000",
            "success=%0A",
            "success",
            "success=true",
            "ok=1",
            "failed=0",
            "fail=false",
            "error=0",
            "code=0",
            "run=17",
            "msg=down",
            "MSG=down",
            "state=true",
            "passed=17",
            "success=OK",
            "ok=yes",
            "up=up",
            "state=complete",
            "success=true&error=",
            "success=true&error=null",
            "status=&exit=0",
            "exit_status=0&state=ok",
            "success=1&failed=0",
            "error=0&failed=0",
            "status=success&error=",
            "s=0",
            "status_code=0",
            "Exit-Code=0",
            "message=down",
            "m=failed",
            "service_result=success&exit_code=exited&exit_status=0",
        ] {
            assert_eq!(read(query).map(|(failed, _)| failed), Ok(false), "{query}");
        }
    }

    #[test]
    fn any_sign_of_a_failure_is_a_failure_and_unknown_words_are_rejected() {
        for (query, text) in [
            ("status=fail", "fail"),
            ("fail", ""),
            ("failed=1", "1"),
            ("success=false", "false"),
            ("ok=0", "0"),
            ("success=failed", "failed"),
            ("ok=fail", "fail"),
            ("up=down", "down"),
            ("passed=error", "error"),
            ("succeeded=no", "no"),
            ("ok=disk+full", "disk full"),
            ("error=disk+full", "disk full"),
            ("code=1", "1"),
            ("status=-9", "-9"),
            ("exit=256", "256"),
            ("rc=-1073741819", "-1073741819"),
            ("exit=99999999999999999999999", "99999999999999999999999"),
            ("exit_status=KILL", "KILL"),
            ("result=oom-kill", "oom-kill"),
            ("status=false", "false"),
            ("code=0x1", "0x1"),
            ("exit=3&msg=disk+full", "disk full"),
            ("success=false&error=boom", "boom"),
            ("error=boom&success=false", "boom"),
            ("status=fail&exit=3", "3"),
            ("success=false&status=fail", "false"),
            ("status=ok&exit=1", "1"),
            ("fail&success=true", ""),
            ("success=true&success=false", "false"),
            ("status=running&error=boom", "boom"),
            ("status=succes&exit=2", "2"),
            ("s=3", "3"),
            ("status_code=2&message=disk+full", "disk full"),
            ("exit-status=TERM", "TERM"),
            ("state=complete&status_code=1", "1"),
            ("s=1&m=no+space", "no space"),
            (
                "service_result=signal&exit_code=killed&exit_status=TERM",
                "signal",
            ),
            (
                "service_result=exit-code&exit_code=exited&exit_status=3",
                "exit-code",
            ),
        ] {
            assert_eq!(read(query), Ok((true, text.to_owned())), "{query}");
        }
        for query in [
            "stauts=FAIL",
            "status=",
            "status=running",
            "status=succes",
            "ok=running",
            "state=run",
            "status=in_progress",
            "status=in-progress",
            "status=inprogress",
            "status=queued",
            "status=log",
            "exit_code=exited",
            "status=running&exit=0",
            "status=succes&exit=0",
        ] {
            assert_eq!(read(query), Err(()), "{query}");
        }
    }
}
