//! How a job went, by the parameters of its report.

use crate::diagnostic::nearest;
use crate::web::problem::Problem;
use axum::http::StatusCode;

/// Names of a parameter that says how the job went, or its exit code, as users of other services know
/// them.
const STATUS: [&str; 12] = [
    "status",
    "state",
    "result",
    "exit",
    "exitcode",
    "exit_code",
    "exit_status",
    "rc",
    "code",
    "return_code",
    "returncode",
    "service_result",
];
/// Names of a parameter that is itself the status: `?fail`, `?success=false`.
const SUCCESS: [&str; 5] = ["ok", "success", "succeeded", "up", "passed"];
const FAILURE: [&str; 5] = ["fail", "failed", "failure", "error", "down"];
/// More words for a job that ended well.
const COMPLETE: [&str; 5] = ["complete", "completed", "done", "finished", "pass"];
/// A report is of a job that has ended. Cronitor's jobs begin with `run`, Sentry's with `in_progress`.
const UNFINISHED: [&str; 12] = [
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
];
const YES: [&str; 3] = ["true", "yes", "on"];
const NO: [&str; 3] = ["false", "no", "off"];

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) failed: bool,
    /// Shown with a failure, unless the report has a body.
    pub(super) text: String,
}

impl Report {
    /// Without a status the job went well. Everything that is not known as a success is a failure: an
    /// exit code, the name of a signal, a word of the job's own. Of several statuses any failure counts:
    /// clients report one as `success=false&error=disk full`. Parameters that mean nothing here are
    /// ignored: they are no reason to lose a report.
    pub(super) fn read(parameters: &[(String, String)]) -> Result<Self, Problem> {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let mut said: Vec<_> = parameters
            .iter()
            .filter_map(|(name, value)| {
                // `error=` beside a status is the text of no error.
                let is_nothing = is_text(name) && value.is_empty();
                Some((is_nothing, status(name, value)?))
            })
            .collect();
        if said.iter().any(|(is_nothing, _)| !is_nothing) {
            said.retain(|(is_nothing, _)| !is_nothing);
        }
        if said.is_empty() {
            misspelled(&parameters).map_or(Ok(()), Err)?;
        }
        let failed = said.iter().any(|(_, failed)| matches!(failed, Ok(true)));
        if !failed {
            said.into_iter().try_for_each(|(_, one)| one.map(drop))?;
        }
        let text = text(&parameters).unwrap_or_default().to_owned();
        Ok(Self { failed, text })
    }
}

/// Whether a parameter has a text of its own, which may be empty.
fn is_text(name: &str) -> bool {
    name == "error" || STATUS.contains(&name)
}

/// The message, or what says that the job failed: rather `error=disk full` than `success=false`.
fn text<'p>(parameters: &[(String, &'p str)]) -> Option<&'p str> {
    let mut given = parameters.iter().filter(|(_, value)| !value.is_empty());
    if let Some((_, message)) = given.clone().find(|(name, _)| name == "msg") {
        return Some(message);
    }
    let fails = |(name, value): &&(String, &str)| matches!(status(name, value), Some(Ok(true)));
    let is_own = |(name, _): &&(String, &str)| FAILURE.contains(&name.as_str());
    let own = given.clone().filter(fails).find(is_own);
    own.or_else(|| given.find(fails)).map(|(_, value)| *value)
}

/// Whether the job failed, if the parameter says how it went.
fn status(name: &str, value: &str) -> Option<Result<bool, Problem>> {
    let value = value.to_ascii_lowercase();
    let value = value.as_str();
    if STATUS.contains(&name) {
        return Some(ended(value));
    }
    if SUCCESS.contains(&name) {
        return Some(succeeded(value));
    }
    // `?error=disk full` has its text, `?failed=0` none.
    let is_no = NO.contains(&value) || number(value) == Some(false);
    FAILURE.contains(&name).then_some(Ok(!is_no))
}

/// What a success is said to be: nothing more, yes or no, how many (`?passed=17`), or how the job ended.
fn succeeded(value: &str) -> Result<bool, Problem> {
    match number(value) {
        _ if value.is_empty() => Ok(false),
        Some(is_any) => Ok(!is_any),
        None => ended(value),
    }
}

fn ended(word: &str) -> Result<bool, Problem> {
    let is_good = [&SUCCESS[..], &COMPLETE, &YES].concat().contains(&word);
    if is_good || number(word) == Some(false) {
        return Ok(false);
    }
    if word.is_empty() || UNFINISHED.contains(&word) {
        let title = format!("`{word}` does not say how a job ended");
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

/// Whether a number is another one than 0; of any length, as exit codes differ between systems.
fn number(text: &str) -> Option<bool> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.bytes().any(|byte| byte != b'0'))
}

/// `?stauts=fail` must not count as a success.
fn misspelled(parameters: &[(String, &str)]) -> Option<Problem> {
    let is_failure = |(name, value): &&(String, &str)| {
        name != "msg" && FAILURE.contains(&&*value.to_ascii_lowercase())
    };
    let (name, value) = parameters.iter().find(is_failure)?;
    let title = format!("`{name:.60}` does not say how a job went; expected `status={value}`");
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
    fn what_is_no_success_is_a_failure_that_is_kept() {
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
            "state=true",
            "passed=17",
            "success=OK",
            "ok=yes",
            "up=up",
            "state=complete",
            "success=true&error=",
            "status=success&error=",
            "status=&ok=1",
            "exit_status=0&state=ok",
            "success=1&failed=0",
            "error=0&failed=0",
            "status=ok&exit=0",
        ] {
            assert_eq!(read(query).map(|(failed, _)| failed), Ok(false), "{query}");
        }
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
            ("status=fail&exit=3", "fail"),
            ("status=fail&code=1", "fail"),
            ("status=ok&exit=3", "3"),
            ("fail&exit=0", ""),
            ("ok&exit=1", "1"),
            ("state=run&error=boom", "boom"),
            ("error=", ""),
            ("error=&error=boom&ok=1", "boom"),
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
            "status=inprogress",
            "status=running&ok=1",
        ] {
            assert_eq!(read(query), Err(()), "{query}");
        }
    }
}
