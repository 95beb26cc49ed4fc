//! The templates of what is written. Nothing is escaped in them: texts of a config are put into them as
//! literals.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use std::collections::BTreeMap;

/// Renders a template of this program.
pub(super) fn render<const N: usize>(
    template: &'static str,
    values: [(&'static str, Value); N],
) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(whole_lines());
    let rendered = environment.render_str(template, Value::from(BTreeMap::from(values)));
    rendered.expect("the templates and their values belong to each other")
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
