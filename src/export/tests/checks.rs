//! Conditions on responses have the same meaning in both languages.

use super::*;

pub fn checks() -> Vec<ScriptCheck> {
    let tests = [
        ScriptTest::header("Location", "^/x", true),
        ScriptTest::header("x-none", ".", false),
        ScriptTest::body("chats", true),
        ScriptTest::body("error", false),
        ScriptTest::json("$.x", "~", "mark=\\d+"),
        ScriptTest::json("$.n", "==", "1.0"),
        ScriptTest::json("$.n", "<=", "1"),
        ScriptTest::json("$.text", "!=", "ok"),
        ScriptTest::json("$.list", "==", "[1, {\"a\": true}]"),
        ScriptTest::no_json("$.error"),
    ];
    let checks = tests
        .into_iter()
        .enumerate()
        .map(|(number, test)| ScriptCheck {
            name: format!("check {number}"),
            test: test.expect("simple"),
        });
    checks.collect()
}

/// Runs the checks of both languages without the tools.
#[test]
fn locustfiles_and_k6_scripts_check_the_same() {
    let good = r#"{"chats":[],"x":"mark=1","n":1,"text":"no","list":[1,{"a":true}]}"#;
    let mut bodies = vec![good.to_owned()];
    let mut expected = "None\n".to_owned();
    for (from, to, unmet) in [
        ("chats", "chat", 2),
        ("\"no\"", "\"error\"", 3),
        ("mark=1", "mark", 4),
        ("\"n\":1", "\"n\":true", 5),
        ("\"n\":1", "\"n\":\"1\"", 5),
        ("\"n\":1", "\"m\":1", 5),
        ("\"no\"", "\"ok\"", 7),
        ("[1,", "[2,", 8),
        ("true", "1", 8),
    ] {
        bodies.push(good.replace(from, to));
        expected.extend([unmet.to_string(), "\n".to_owned()]);
    }
    let think = Duration::ZERO;
    let script = script(Model::Closed { think }, vec![stage(1.0, 2.5, 60)]);
    let checks = checks();
    let calls = |before: &str| {
        let calls = checks.iter();
        joined(calls.map(|one| format!("{before}{}", one.test.call())))
    };
    let python = format!(
        "import json, re, sys\n{}\nchecks = [{}]\n{}",
        part(&script.write(Tool::Locust), "def header_matches", "{% if"),
        calls("lambda response: "),
        "class Response: headers = {'location': '/x'}
for body in json.loads(sys.argv[1]):
    response = Response()
    response.text = body
    print(next((number for number, check in enumerate(checks) if not check(response)), None))"
    );
    let node = format!(
        "{}\nconst checks = [{}];\n{}",
        part(&script.write(Tool::K6), "const inHeader", "const file"),
        calls("(response) => "),
        "for (const body of JSON.parse(process.argv[1])) {
           const response = { body, headers: { Location: '/x' } };
           const unmet = checks.findIndex((check) => !check(response));
           console.log(unmet < 0 ? 'None' : String(unmet));
         }"
    );
    let argument = serde_json::to_string(&bodies).expect("JSON");
    for (program, option, code) in [("python3", "-c", &python), ("node", "-e", &node)] {
        if !is_installed(program) {
            continue;
        }
        let ran = Command::new(program)
            .args([option, code, &argument])
            .output()
            .expect("it runs");
        let fault = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{program}: {fault}\n{code}");
        assert_eq!(String::from_utf8_lossy(&ran.stdout), expected, "{program}");
    }
}

/// The lines from one that begins with `from` up to one that begins with `to`, such as a class or a decorated
/// function.
fn part(text: &str, from: &str, to: &str) -> String {
    let lines = text.lines().skip_while(|line| !line.starts_with(from));
    let is_end = |line: &str| {
        line.starts_with(to) || line.starts_with("class ") || line.starts_with("data_rows")
    };
    let lines = lines.take_while(|line| !is_end(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}
