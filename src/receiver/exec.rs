//! Starts a program for each message.

use super::{Channel, Kind, Message, Request, Texts, webhook};
use crate::outcome::Timestamp;
use crate::yaml::{FilePath, Key, Keys, List, Mapping, Text};
use std::sync::Arc;

const KEYS: Keys = &[&PROGRAM, &ARGUMENTS];

const PROGRAM: Key<FilePath> = Key::required(
    "program",
    FilePath,
    "The program, relative to the config file. It is started without a shell.",
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
        let (program, arguments) = (section.path(&PROGRAM), section.all(&ARGUMENTS));
        let program = program?.to_string_lossy().into_owned();
        Some(Arc::new(Exec { program, arguments }))
    },
};

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
