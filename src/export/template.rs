//! The templates of what is written. A text is put into them as a literal, so that nothing that a config
//! has can become code; code of the written language is marked with [`code`].

use super::literal;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Output, State, UndefinedBehavior, Value};
use std::collections::BTreeMap;

/// Renders a template of this program.
pub(super) fn render<const N: usize>(
    template: &'static str,
    values: [(&'static str, Value); N],
) -> String {
    let mut environment = Environment::new();
    environment.set_formatter(write_value);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(whole_lines());
    let rendered = environment.render_str(template, fields(values));
    rendered.expect("the templates and their values belong to each other")
}

/// Code of the written language, which is put into a template as it is.
pub(super) fn code(code: impl Into<String>) -> Value {
    Value::from_safe_string(code.into())
}

/// A value with fields.
pub(super) fn fields<const N: usize>(values: [(&'static str, Value); N]) -> Value {
    Value::from(BTreeMap::from(values))
}

fn write_value(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match (value.as_str(), f64::try_from(value.clone())) {
        (Some(text), _) if !value.is_safe() => out.write_str(&literal(text))?,
        // A whole number has no `.0`.
        (_, Ok(number)) if value.kind() == ValueKind::Number => write!(out, "{number}")?,
        _ => write!(out, "{value}")?,
    }
    Ok(())
}

/// A block tag on a line of its own leaves nothing behind.
fn whole_lines() -> SyntaxConfig {
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    syntax.expect("no delimiter is changed")
}
