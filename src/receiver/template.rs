//! Texts with fields of a message.

use super::Message;
use crate::diagnostic::nearest;

/// Names of the fields; `label.NAME` and `annotation.NAME` are fields as well.
const FIELDS: [&str; 10] = [
    "summary",
    "description",
    "status",
    "firing",
    "resolved",
    "alertname",
    "service",
    "severity",
    "runbook_url",
    "list",
];

/// A text such as `{{ status }}: {{ summary }}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Field(String),
}

/// Why a text is not a template, and what is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    pub message: String,
    pub help: String,
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else {
                return Err(TemplateError {
                    message: "`{{` without `}}`".to_owned(),
                    help: "expected a field such as {{ summary }}".to_owned(),
                });
            };
            parts.push(Part::Literal(literal.to_owned()));
            parts.push(Part::Field(field(name.trim())?));
            rest = behind;
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(Self(parts))
    }

    pub fn render(&self, message: &Message) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Literal(text) => text.clone(),
            Part::Field(name) => message.field(name),
        });
        parts.collect()
    }
}

fn field(name: &str) -> Result<String, TemplateError> {
    let is_free = ["label.", "annotation."]
        .iter()
        .any(|prefix| name.len() > prefix.len() && name.starts_with(prefix));
    if is_free || FIELDS.contains(&name) {
        return Ok(name.to_owned());
    }
    let help = nearest(name, FIELDS).map_or_else(
        || {
            let fields = FIELDS.join(", ");
            format!("fields: {fields}, label.NAME, annotation.NAME")
        },
        |near| format!("did you mean `{near}`?"),
    );
    Err(TemplateError {
        message: format!("unknown field `{name}`"),
        help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_refused_with_the_nearest_name() {
        let error = Template::parse("{{ sumary }}").expect_err("unknown");
        assert_eq!(error.message, "unknown field `sumary`");
        assert_eq!(error.help, "did you mean `summary`?");
        assert!(Template::parse("{{ summary").is_err());
        assert!(Template::parse("{{ label. }}").is_err());
    }

    #[test]
    fn fields_are_replaced() {
        let message = Message::sample(false, crate::outcome::Timestamp(0));
        let template = Template::parse("[{{status}}] {{ label.service }} {{ annotation.x }}!");
        let text = template.expect("valid").render(&message);
        assert_eq!(text, "[FIRING] example !");
    }
}
