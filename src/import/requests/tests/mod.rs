mod bounds;
mod captures;
mod har;
mod hostile;
mod openapi;
mod postman;
mod yaml;

use super::*;
use url::Url;

const UNCHECKED: Check<'_> = &|_| None;

fn remarks(imported: &Imported) -> Vec<String> {
    imported.remarks.iter().map(Remark::to_string).collect()
}

fn origin(address: &str) -> Origin {
    Url::parse(address).expect("valid").origin()
}

fn read(format: Format, file: &str) -> Imported {
    format
        .read(file.as_bytes(), None, Shape::Requests, UNCHECKED)
        .expect("valid")
}

fn fault(format: Format, file: &str) -> String {
    let fault = format
        .read(file.as_bytes(), None, Shape::Requests, UNCHECKED)
        .expect_err("invalid");
    fault.to_string()
}

/// `GET /path` for each request.
fn lines(imported: &Imported) -> Vec<String> {
    let line = |one: &ImportedRequest| format!("{} {}", one.method, one.path);
    imported.requests.iter().map(line).collect()
}

fn header<'a>(request: &'a ImportedRequest, name: &str) -> Option<&'a str> {
    let mut headers = request.headers.iter();
    let found = headers.find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// A HAR file with these entries.
fn har(requests: &str) -> String {
    format!(r#"{{"log":{{"entries":[{requests}]}}}}"#)
}

/// A GET request as an entry of a HAR file.
fn get(address: &str) -> String {
    format!(r#"{{"request":{{"method":"GET","url":"{address}"}}}}"#)
}
