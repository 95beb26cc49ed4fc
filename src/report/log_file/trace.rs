//! Lines of stack traces, which continue the entry before them.

/// Starts of lines that are part of a trace in Java, Python, Go and Node.
const BEGINNINGS: [&str; 8] = [
    " ",
    "\t",
    "at ",
    "Caused by:",
    "Suppressed:",
    "Traceback (most recent call last)",
    "During handling of the above exception",
    "The above exception was",
];

/// Whether a line without a time continues the entry before it: it is indented, part of a trace, or names an
/// exception, such as `java.lang.RuntimeException: x` and `ValueError: x`.
pub fn continues(line: &str) -> bool {
    line.is_empty()
        || BEGINNINGS.iter().any(|begin| line.starts_with(begin))
        || line.starts_with("goroutine ")
        || is_exception(line)
}

/// Whether a line says where or how, and not what: names in frames are arbitrary.
pub fn is_frame(line: &str) -> bool {
    let beginnings = [" ", "\t", "at ", "Traceback "];
    beginnings.iter().any(|begin| line.starts_with(begin))
}

fn is_exception(line: &str) -> bool {
    let name = line.split([':', ' ']).next().unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '$');
    (name.ends_with("Error") || name.ends_with("Exception")) && name.chars().all(is_part)
}
