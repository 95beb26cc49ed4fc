//! JSON Schemas of the messages.

use serde_json::Value;
use std::fs;
use std::path::Path;

pub fn schema(kind: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/receivers");
    let text = fs::read_to_string(folder.join(format!("{kind}.json")));
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("{kind}: {error}"))).expect("JSON")
}

/// Violations of a schema. Lengths are in UTF-16 units, which give the largest number.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::draft7::new(schema).expect("a valid schema");
    let value = in_utf16_units(value);
    let faults = validator.iter_errors(&value);
    faults
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

/// The value with two characters in place of each one that UTF-16 encodes as two units.
fn in_utf16_units(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let units = |c: char| {
                if c.len_utf16() == 2 {
                    ['x'; 2].to_vec()
                } else {
                    vec![c]
                }
            };
            text.chars().flat_map(units).collect::<String>().into()
        }
        Value::Array(items) => items.iter().map(in_utf16_units).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (name.clone(), in_utf16_units(value)))
                .collect()
        }
        other => other.clone(),
    }
}

#[test]
fn the_check_finds_violations() {
    let schema = schema("pagerduty");
    let mut good: Value = serde_json::json!({
        "routing_key": "k", "event_action": "trigger", "dedup_key": "d",
        "payload": { "summary": "s", "source": "s", "severity": "critical" },
    });
    assert_eq!(faults(&schema, &good), Vec::<String>::new());
    good["payload"]["severity"] = "page".into();
    good["payload"]["summary"] = "x".repeat(1025).into();
    good["extra"] = 1.into();
    good.as_object_mut().expect("an object").remove("dedup_key");
    assert_eq!(faults(&schema, &good).len(), 4);
}
