//! Starts a program for each message.

use super::{Channel, Kind, Message, Request, Texts, webhook};
use crate::diagnostic::Severity;
use crate::outcome::Timestamp;
use crate::yaml::{FilePath, Key, Keys, List, Mapping, Section, Text};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Permission of the owner, the group or others.
const ANY_EXECUTE: u32 = 0o111;

const KEYS: Keys = &[&PROGRAM, &ARGUMENTS];

const PROGRAM: Key<FilePath> = Key::required(
    "program",
    FilePath,
    "The program, relative to the config file. It is started without a shell, and is not searched for in `PATH`. It inherits the environment of slod.",
);
const ARGUMENTS: Key<List<Text>> = Key::optional(
    "arguments",
    List::up_to(100, Text),
    "Its arguments, passed unchanged.",
);

pub const KIND: Kind = Kind {
    key: Key::optional(
        "exec",
        Mapping(KEYS),
        "A program that reads the payload of a `webhook` from its standard input. Exit code 0 means that the message was delivered. The environment variable `SLOD_KEY` is the same for each attempt. Up to four groups of alerts are delivered concurrently, each by its own process.",
    ),
    example: "{ program: /usr/local/bin/page, arguments: [\"--urgent\"] }",
    has_texts: false,
    escape: None,
    is_web: false,
    read: |section| {
        let (program, arguments) = (program(section), section.all(&ARGUMENTS));
        let program = program?.to_string_lossy().into_owned();
        Some(Arc::new(Exec { program, arguments }))
    },
};

/// Reads the path of the program, and warns if it cannot be started.
fn program(section: &Section<'_>) -> Option<PathBuf> {
    // A name without a slash would be searched for in `PATH`.
    let program = Path::new(".").join(section.path(&PROGRAM)?);
    let is_executable = program.metadata().is_ok_and(|metadata| {
        metadata.is_file() && metadata.permissions().mode() & ANY_EXECUTE != 0
    });
    if !is_executable {
        section.reader().report(
            Severity::Warning,
            "program-not-executable",
            &section.spot_of(&PROGRAM),
            "the program does not exist here, or is not executable".to_owned(),
            Some("messages to this receiver cannot be delivered without it".to_owned()),
        );
    }
    Some(program)
}

#[derive(Debug)]
struct Exec {
    program: String,
    arguments: Vec<String>,
}

impl Channel for Exec {
    fn requests(&self, message: &Message, _: &Texts, _: Timestamp) -> Vec<Request> {
        vec![Request::Run {
            program: self.program.clone(),
            arguments: self.arguments.clone(),
            key: message.key.clone(),
            input: webhook::payload(message).to_string().into_bytes(),
        }]
    }
}
