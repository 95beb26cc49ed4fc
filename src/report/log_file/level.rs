//! The levels that log lines state.

/// How severe a line is, as it states itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Below a warning.
    Low,
    Warning,
    Error,
}

/// Number of bytes at the start of a line that may contain its level.
const BEGIN_MAX: usize = 200;

/// Names and abbreviations of common loggers, in lower case.
const NAMES: [(Level, &[&str]); 3] = [
    (
        Level::Low,
        &[
            "trace",
            "trce",
            "verbose",
            "vrb",
            "debug",
            "dbug",
            "dbg",
            "fine",
            "info",
            "information",
            "inf",
            "notice",
        ],
    ),
    (Level::Warning, &["warn", "warning", "wrn"]),
    (
        Level::Error,
        &[
            "error", "err", "eror", "fail", "severe", "critical", "crit", "fatal", "ftl", "alert",
            "emerg", "panic",
        ],
    ),
];

/// Keys before a level: `level=info`, `"severity":"ERROR"`.
const KEYS: [&str; 4] = ["level", "lvl", "severity", "loglevel"];

/// A word of a line, with the characters around it.
struct Word<'a> {
    text: &'a str,
    before: Option<char>,
    after: Option<char>,
}

impl Level {
    /// Parses the name of a level.
    pub fn named(name: &str) -> Option<Self> {
        let is_name = |known: &&str| known.eq_ignore_ascii_case(name);
        let mut each = NAMES.iter();
        each.find_map(|(level, names)| names.iter().any(&is_name).then_some(*level))
    }

    /// The level of a number: the severities of syslog (RFC 5424, section 6.2.1), and the multiples of ten of
    /// Pino, Bunyan and Python.
    pub const fn numbered(number: u64) -> Self {
        match number {
            0..=3 | 50.. => Self::Error,
            4 | 40..=49 => Self::Warning,
            5..=39 => Self::Low,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The level that a line states, such as `level=info`, `INFO`, `[info]` or `info:` before its message.
    /// `None` without one: in a message, `info` and `error` are ordinary words.
    pub fn stated(line: &str) -> Option<Self> {
        if let Some(level) = of_klog(line) {
            return Some(level);
        }
        let (mut key, mut is_first) = ("", true);
        for word in words(&line[..line.floor_char_boundary(BEGIN_MAX)]) {
            let level = Self::named(word.text);
            let is_value = KEYS.iter().any(|known| known.eq_ignore_ascii_case(key));
            if level.is_some() && (is_value || word.is_marked() || is_first && word.has_colon()) {
                return level;
            }
            // Numbers before it are the time.
            is_first &= word.text.starts_with(|c: char| c.is_ascii_digit());
            key = word.text;
        }
        None
    }
}

impl Word<'_> {
    /// Whether it is written in capitals or between brackets.
    fn is_marked(&self) -> bool {
        let is_capital = self.text.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_between = matches!(self.before, Some('[' | '<' | '|' | ':'))
            && matches!(self.after, Some(']' | '>' | '|'));
        is_capital || is_between
    }

    const fn has_colon(&self) -> bool {
        matches!(self.after, Some(':'))
    }
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let is_between = |c: char| c.is_whitespace() || "[](){}<>|,;=:\"'".contains(c);
    let mut rest = Some((None, text));
    let all = std::iter::from_fn(move || {
        let (before, text) = rest?;
        let end = text.find(is_between).unwrap_or(text.len());
        let after = text[end..].chars().next();
        rest = after.map(|c| (after, &text[end + c.len_utf8()..]));
        let text = &text[..end];
        Some(Word {
            text,
            before,
            after,
        })
    });
    all.filter(|word| !word.text.is_empty())
}

/// The level of klog and glog: `E1130 06:04:30.500000 1 controller.go:114] message`.
fn of_klog(line: &str) -> Option<Level> {
    let (letter, rest) = line.split_at_checked(1)?;
    let is_date = rest.len() > 4 && rest.bytes().take(4).all(|byte| byte.is_ascii_digit());
    match letter {
        "I" if is_date => Some(Level::Low),
        "W" if is_date => Some(Level::Warning),
        "E" | "F" if is_date => Some(Level::Error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_common_loggers_state_their_level() {
        for (level, lines) in [
            (
                Some(Level::Error),
                &[
                    "2026-11-30 06:04:30.500 +00:00 [ERR] connection failed",
                    "E1130 06:04:30.500000  1 x.go:114] loading failed",
                    "30-Nov-2026 06:04:30.500 SEVERE [main] o.a.X threw",
                    "[Mon Nov 30 06:04:30.500000 2026] [core:error] [pid 1] x",
                    "2026-11-30T06:04:30.500Z fail: App[1] unhandled",
                    "t=2026-11-30T06:04:30+0000 lvl=eror msg=\"x\"",
                    "{\"severity\":\"ERROR\",\"message\":\"x\"}",
                ][..],
            ),
            (
                Some(Level::Low),
                &[
                    "2026-11-30 06:04:30.500 +00:00 [INF] 0 errors found",
                    "I1130 06:04:30.500000  1 x.go:1] error handler registered",
                    "INFO:     127.0.0.1:1 - \"GET / HTTP/1.1\" 200 OK",
                    "I, [2026-11-30T06:04:30.5 #1]  INFO -- : error: none",
                ][..],
            ),
            (
                Some(Level::Warning),
                &["ts=1 level=warn msg=\"error fetching\" err=\"x\""][..],
            ),
            (
                None,
                &[
                    "no more info: connection error",
                    "crashed in debug mode",
                    "err=nil done",
                    "",
                    "\u{e9}1130 x",
                ][..],
            ),
        ] {
            for line in lines {
                assert_eq!(Level::stated(line), level, "{line}");
            }
        }
    }

    #[test]
    fn a_level_is_only_read_near_the_start() {
        let line = format!("{} ERROR", "x ".repeat(BEGIN_MAX));
        assert_eq!(Level::stated(&line), None);
    }
}
