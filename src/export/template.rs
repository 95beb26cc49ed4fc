//! Renders the output templates. Texts are inserted as literals, so that nothing in a config can become
//! code; generated code is marked with [`code`].

use super::literal;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Output, State, UndefinedBehavior, Value};
use std::collections::BTreeMap;

/// Renders one of the built-in templates.
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

/// Generated code, which is inserted unchanged.
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
        // Integers have no `.0`.
        (_, Ok(number)) if value.kind() == ValueKind::Number => write!(out, "{number}")?,
        _ => write!(out, "{value}")?,
    }
    Ok(())
}

/// Block tags on separate lines leave no empty lines.
fn whole_lines() -> SyntaxConfig {
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    syntax.expect("no delimiter is changed")
}
