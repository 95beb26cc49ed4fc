//! The JSON Schema of the config, generated from the declared keys, for completion and checks in editors.

use super::keys::ROOT;
use crate::probe::KINDS;
use crate::yaml::{Declared, Keys, Need, Structure};
use serde_json::{Map, Value, json};

/// The schema of the whole document.
pub fn schema() -> Value {
    let mut schema = section(ROOT);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "slod config".into();
    schema
}

fn section(keys: Keys) -> Value {
    let mut properties = Map::new();
    for key in keys {
        if matches!(key.form().structure(), Structure::ProbeKind) {
            for kind in KINDS {
                let mut schema = section(kind.keys);
                schema["description"] = kind.summary.into();
                properties.insert(kind.name.to_owned(), schema);
            }
            continue;
        }
        properties.insert(key.name().to_owned(), value(*key));
        if let Some(file) = key.file_name() {
            let description = format!("File that contains `{}`. {}", key.name(), key.doc());
            properties.insert(
                file,
                json!({ "type": "string", "description": description }),
            );
        }
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    let required: Vec<_> = keys.iter().filter(|key| is_required(**key)).collect();
    if !required.is_empty() {
        schema["required"] = required.iter().map(|key| key.name()).collect();
    }
    schema
}

/// Whether the schema can require a key by its name. A secret can be in a file instead, and the key of
/// a probe kind has the name of the kind.
fn is_required(key: &dyn Declared) -> bool {
    let is_own = matches!(
        key.form().structure(),
        Structure::Value | Structure::Mapping { .. }
    );
    key.need() == Need::Required && is_own
}

/// The schema of a value. Formats of single values are left to `slod check`, because any of them can
/// be `${NAME}`.
fn value(key: &dyn Declared) -> Value {
    let mut schema = match key.form().structure() {
        // A list of one item may be written without brackets.
        Structure::Mapping { suffix: "[]", keys } => {
            let item = section(keys);
            let list = json!({ "type": "array", "items": item.clone() });
            json!({ "anyOf": [list, item] })
        }
        Structure::Mapping { keys, .. } => section(keys),
        // Strings need no quotes: `bearer: 123` and `X-Version: 1.0` are valid.
        Structure::Secret | Structure::ValueOrFile => {
            json!({ "type": ["string", "number", "boolean"] })
        }
        Structure::Map { .. } => json!({ "type": "object" }),
        Structure::Value | Structure::ProbeKind => match key.form().words() {
            words if words.is_empty() => json!({}),
            // The value can be a variable.
            words => {
                json!({ "anyOf": [{ "enum": literals(&words) }, { "type": "string", "pattern": r"\$\{" }] })
            }
        },
    };
    schema["description"] = match key.form().structure() {
        Structure::Mapping { .. } => key.doc().into(),
        _ => format!("{} ({})", key.doc(), key.form().describe()).into(),
    };
    if let Need::Default(default) = key.need() {
        schema["default"] = default.into();
    }
    schema
}

/// The words as strings, and those that are numbers if unquoted also as numbers.
fn literals(words: &[&'static str]) -> Vec<Value> {
    let texts = words.iter().map(|word| Value::from(*word));
    let whole = words.iter().filter_map(|word| word.parse::<u32>().ok());
    let others = words.iter().filter(|word| word.contains('.'));
    let others = others.filter_map(|word| word.parse::<f64>().ok());
    let numbers = whole.map(Value::from).chain(others.map(Value::from));
    texts.chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_exactly_the_declared_keys() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["services"]));
        for key in ROOT {
            assert!(
                schema["properties"][key.name()].is_object(),
                "{}",
                key.name()
            );
        }
        let service = &schema["properties"]["services"]["anyOf"][0]["items"]["properties"];
        let probe = &service["probes"]["anyOf"][0]["items"];
        assert_eq!(probe["required"], json!(["name"]));
        for kind in KINDS {
            assert!(probe["properties"][kind.name]["properties"].is_object());
        }
        let sli = service["objectives"]["anyOf"][0]["items"]["properties"]["sli"].to_string();
        assert!(sli.contains("\"enum\":[\"availability\""), "{sli}");
        let http = &probe["properties"]["http"]["properties"];
        assert!(http["bearer"].is_object() && http["bearer_file"].is_object());
    }
}
