//! Tags: a config has a meaning for those of YAML's core schema alone. Others come from programs that
//! replace the value (`!vault`, `!env`); here it would be taken as it is written.

use crate::diagnostic::{Diagnostic, Place, Severity};
use granit_parser::{Event, Parser, Span, Tag};

/// The first tag of a valid document that has no meaning here.
pub(super) fn unknown(text: &str) -> Option<Diagnostic> {
    // Most documents have none.
    if !text.contains('!') {
        return None;
    }
    let mut events = Parser::new_from_str(text).map_while(Result::ok);
    events.find_map(|(event, span)| fault(tag(&event)?, span))
}

fn tag<'e>(event: &'e Event<'_>) -> Option<&'e Tag> {
    match event {
        Event::Scalar(.., tag) | Event::SequenceStart(.., tag) | Event::MappingStart(.., tag) => {
            tag.as_deref()
        }
        _ => None,
    }
}

fn fault(tag: &Tag, at: Span) -> Option<Diagnostic> {
    if tag.core_suffix().is_some() {
        return None;
    }
    Some(Diagnostic {
        severity: Severity::Error,
        code: "syntax",
        place: Some(Place {
            line: at.start.line(),
            column: at.start.col() + 1,
            len: 1,
        }),
        path: String::new(),
        message: format!("unknown tag `{}{}`", tag.original_handle(), tag.suffix()),
        help: Some(
            "remove it; write ${TOKEN} for a value of the environment, or use a key such as `password_file` for one of a file"
                .to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_other_programs_are_unknown_and_those_of_yaml_are_not() {
        for (text, expected) in [
            ("a: b\np: !vault abc\n", Some(("`!vault`", 2))),
            ("p: [ !env TOKEN ]\n", Some(("`!env`", 1))),
            ("p: !include f\n", Some(("`!include`", 1))),
            ("p: !reference [ a, b ]\n", Some(("`!reference`", 1))),
            ("p: !!binary aGk=\n", Some(("`!!binary`", 1))),
            ("p: !!str 007\nn: !!int 7\n", None),
            ("p: \"!env x\" # !env\nt: |\n  a: !env x\n", None),
            ("p: a !b\n", None),
        ] {
            let found = unknown(text);
            let found = found.as_ref().map(|one| (one.message.as_str(), one.place));
            let expected = expected.map(|(tag, line)| (format!("unknown tag {tag}"), line));
            let found =
                found.map(|(message, place)| (message.to_owned(), place.map_or(0, |at| at.line)));
            assert_eq!(found, expected, "{text}");
        }
    }
}
