use super::*;

#[test]
fn the_section_is_yaml_with_the_same_texts() {
    let body = "line\n\t\"quoted\" \\ \u{7f}\u{85}\u{2028}\u{feff}\u{1f600} $${x} ${LOAD_X}";
    let request = ImportedRequest {
        think: None,
        method: "POST".to_owned(),
        path: "/a?b=1".to_owned(),
        headers: vec![
            ("no".to_owned(), "yes".to_owned()),
            ("x-number".to_owned(), "1e3".to_owned()),
        ],
        body: Some(body.to_owned()),
        weight: 3,
        expected_status: vec![201..=201, 300..=399],
        captures: Vec::new(),
    };
    let health = ImportedRequest {
        think: None,
        method: "GET".to_owned(),
        path: "/health".to_owned(),
        headers: vec![],
        body: None,
        weight: 1,
        expected_status: vec![],
        captures: Vec::new(),
    };
    let imported = Imported {
        requests: vec![request, health],
        ..Imported::default()
    };
    let yaml = imported.to_yaml(true);
    let read: serde_json::Value = serde_yaml::from_str(&yaml).expect("valid");
    let [first, second] = read["load"]["requests"]
        .as_array()
        .expect("a list")
        .as_slice()
    else {
        panic!("two requests");
    };
    assert_eq!(first["body"], body);
    assert_eq!(first["path"], "/a?b=1");
    assert_eq!(first["headers"]["no"], "yes");
    assert_eq!(first["headers"]["x-number"], "1e3");
    assert!(
        yaml.contains("      expect: { status: [201, 300-399] }\n"),
        "{yaml}"
    );
    assert!(yaml.contains("      weight: 3\n"), "{yaml}");
    assert!(
        yaml.ends_with("    - method: GET\n      path: /health\n"),
        "{yaml}"
    );
    assert_eq!(second["path"], "/health");
}
