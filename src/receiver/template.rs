//! Message texts as Jinja templates.

use super::Message;
use super::escape::Escape;
use super::fields::{self, ALERT_FIELDS, FIELDS};
use crate::diagnostic::nearest;
use crate::outcome::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, escape_formatter,
};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Maximum cost of one rendering. One unit is an instruction or 64 bytes of output, so that no loop
/// runs for long and no text uses more than a few megabytes. A loop over 2,000 alerts, the maximum of
/// a message, with ten fields each uses half of it.
const FUEL: u64 = 200_000;
/// Maximum size of a template in bytes. minijinja stores columns as 16-bit numbers.
const TEMPLATE_MAX: usize = 32 << 10;
/// Maximum length of a text in characters. Services may have lower limits, which their channels apply.
const TEXT_MAX: usize = 100_000;
const EXAMPLE: &str =
    "expected a template such as {{ summary }} or {% if firing > 1 %}...{% endif %}";
/// The name of the only template in an environment.
const NAME: &str = "text";
/// The name of the markup of a receiver.
const MARKUP: &str = "markup";
/// The filters listed in the help text; other Jinja filters are valid as well.
const FILTERS: [&str; 22] = [
    "capitalize",
    "default",
    "first",
    "groupby",
    "indent",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "rejectattr",
    "replace",
    "round",
    "safe",
    "selectattr",
    "sort",
    "title",
    "trim",
    "unique",
    "upper",
];

/// A template such as `{{ status }}: {{ summary }}`.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    /// How values are escaped.
    escape: Option<Escape>,
    /// Contains a single template.
    environment: Arc<Environment<'static>>,
}

/// Why a template is invalid or cannot be rendered, and what is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    pub message: String,
    pub help: String,
    /// The byte range of the error; empty if unknown.
    pub at: Range<usize>,
}

impl Template {
    /// Compiles a template for plain text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Self::with_escape(text, None)
    }

    /// Compiles a template whose values are escaped for a markup; its own text may contain markup. Field
    /// names are checked in all branches; everything else is checked by rendering messages of several kinds.
    pub(super) fn with_escape(text: &str, escape: Option<Escape>) -> Result<Self, TemplateError> {
        if text.len() > TEMPLATE_MAX {
            return Err(TemplateError {
                message: format!("the template has {} bytes", text.len()),
                help: format!("expected at most {TEMPLATE_MAX}"),
                at: 0..0,
            });
        }
        let mut environment = environment(escape);
        environment
            .add_template_owned(NAME, text.to_owned())
            .map_err(|error| fault(text, &error))?;
        let template = Self {
            text: text.to_owned(),
            escape,
            environment: Arc::new(environment),
        };
        template.check_fields()?;
        for message in Message::samples(Timestamp::from_secs(1_000_000_000)) {
            template.render(&fields::of(&message))?;
        }
        Ok(template)
    }

    /// Compiles another text for the same markup.
    pub(super) fn sibling(&self, text: &str) -> Result<Self, TemplateError> {
        Self::with_escape(text, self.escape)
    }

    /// Renders the fields of a message.
    pub fn render(&self, fields: &Value) -> Result<String, TemplateError> {
        let template = self.environment.get_template(NAME);
        let rendered = template.and_then(|template| template.render(fields.clone()));
        let mut text = rendered.map_err(|error| fault(&self.text, &error))?;
        if let Some((end, _)) = text.char_indices().nth(TEXT_MAX) {
            text.truncate(end);
        }
        Ok(text)
    }

    /// Checks for unknown fields, including in branches that no sample takes.
    fn check_fields(&self) -> Result<(), TemplateError> {
        let Ok(template) = self.environment.get_template(NAME) else {
            return Ok(());
        };
        let globals = self.environment.globals().map(|(name, _)| name.to_owned());
        let globals: BTreeSet<String> = globals.collect();
        let used = template.undeclared_variables(true).into_iter();
        let unknown = used.filter(|name| !globals.contains(name) && !fields::is_known(name));
        let unknown = unknown.map(|name| (location(&self.text, &name), name));
        match unknown.min_by_key(|(at, name)| (at.start, name.clone())) {
            Some((at, name)) => Err(unknown_field(&name, at)),
            None => Ok(()),
        }
    }
}

fn environment(escape: Option<Escape>) -> Environment<'static> {
    let mut environment = Environment::new();
    // A line with only `{% ... %}` leaves no empty line in the text.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    environment.remove_global("debug");
    environment.add_filter("default", or_default);
    let Some(escape) = escape else {
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        return environment;
    };
    environment.set_auto_escape_callback(|_| AutoEscape::Custom(MARKUP.into()));
    environment.set_formatter(move |out, state, value| {
        let is_markup = matches!(state.auto_escape(), AutoEscape::Custom(_));
        if is_markup && !value.is_safe() {
            let text = escape(&value.to_string());
            return out.write_str(&text).map_err(Error::from);
        }
        escape_formatter(out, state, value)
    });
    environment
}

/// The replacement for an empty field: a missing label is an empty text.
fn or_default(value: Value, other: Value) -> Value {
    if value.is_undefined() || value.as_str() == Some("") {
        other
    } else {
        value
    }
}

/// The first use of a name in braces.
fn location(text: &str, name: &str) -> Range<usize> {
    let is_code = |at: usize| {
        let last = |marks: [&str; 2]| marks.iter().filter_map(|mark| text[..at].rfind(mark)).max();
        last(["{{", "{%"]) > last(["}}", "%}"])
    };
    let mut uses = text.match_indices(name).map(|(at, _)| at);
    let found = uses.find(|at| is_code(*at));
    found.map_or(0..0, |at| at..at + name.len())
}

fn fault(text: &str, error: &Error) -> TemplateError {
    let at = error
        .range()
        .filter(|range| text.get(range.clone()).is_some());
    let at = at.unwrap_or_default();
    let written = &text[at.clone()];
    let detail = error.detail().unwrap_or_default();
    if let Some(name) = undefined(detail) {
        let start = text[..at.end].rfind(name);
        let place = start.map_or(at, |start| start..start + name.len());
        return unknown_field(name, place);
    }
    let help = |help: &str| help.to_owned();
    let (message, help) = match error.kind() {
        ErrorKind::UnknownFilter => {
            let name = written.rsplit('|').next().unwrap_or_default();
            let name: String = name.trim().chars().take_while(|c| is_word(*c)).collect();
            let help = suggestion(&name, &FILTERS, "filters");
            (format!("unknown filter `{name}`"), help)
        }
        ErrorKind::OutOfFuel => (
            help("the text takes too long to render, or is too long"),
            help("use fewer loops"),
        ),
        kind if detail.is_empty() => (kind.to_string(), help(EXAMPLE)),
        _ => (detail.to_owned(), help(EXAMPLE)),
    };
    TemplateError { message, help, at }
}

/// The expression that an error reports as undefined.
fn undefined(detail: &str) -> Option<&str> {
    let (before, _) = detail.rsplit_once("` is undefined")?;
    before.rsplit('`').next()
}

fn unknown_field(name: &str, at: Range<usize>) -> TemplateError {
    if name.ends_with(']') {
        return TemplateError {
            message: format!("`{name}` is not in every message"),
            help: "use a loop such as {% for alert in alerts %}, or test the length".to_owned(),
            at,
        };
    }
    let (root, last) = name.split_once('.').map_or((name, name), |(root, _)| {
        (root, name.rsplit('.').next().unwrap_or(name))
    });
    let is_of_message = FIELDS.contains(&root) || root == last;
    let known: &[&str] = if is_of_message {
        &FIELDS
    } else {
        &ALERT_FIELDS
    };
    TemplateError {
        message: format!("unknown field `{name}`"),
        help: suggestion(last, known, "fields"),
        at,
    }
}

fn suggestion(name: &str, known: &[&str], what: &str) -> String {
    nearest(name, known.iter().copied()).map_or_else(
        || format!("{what}: {}", known.join(", ")),
        |near| format!("did you mean `{near}`?"),
    )
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
