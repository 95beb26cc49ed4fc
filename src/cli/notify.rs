//! `slod notify`: tests a receiver, or lists sent notifications.

use super::failure::{CommandResult, Failure};
use super::output::show;
use super::run::on_this_thread;
use super::{ConfigArg, OutputFormat, exit, with_config};
use crate::clock::Clock;
use crate::config::Config;
use crate::format::numbers;
use crate::notify::{Answer, Done, Sender};
use crate::outcome::Timestamp;
use crate::receiver::{Envelope, HttpRequest, Message, Receiver, Request};
use crate::store::{Sent, Store};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write as _;

/// Maximum number of messages in one list.
const LIMIT: u32 = 10_000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send a test message to a receiver and show its answer.
    Test(TestArgs),
    /// List the messages that were delivered or dropped, the newest first.
    List(ListArgs),
}

#[derive(Debug, Args)]
pub struct TestArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Name of the receiver.
    receiver: String,
    /// Print the request, without secrets, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Send the test alert as resolved.
    #[arg(long)]
    resolved: bool,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Number of messages to list.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT)))]
    limit: u32,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

/// Sent and pending messages.
#[derive(Debug, Serialize)]
struct NotificationList {
    sent: Vec<SentEntry>,
    waiting: Vec<WaitingEntry>,
}

#[derive(Debug, Serialize)]
struct SentEntry {
    at: String,
    receiver: String,
    group: String,
    firing: u64,
    resolved: u64,
    delivered: bool,
    answer: String,
}

#[derive(Debug, Serialize)]
struct WaitingEntry {
    receiver: String,
    notices: u64,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

pub fn run(command: &Command) -> CommandResult {
    match command {
        Command::Test(args) => test(args),
        Command::List(args) => with_config(&args.config, |config| list(config, args)),
    }
}

fn test(args: &TestArgs) -> CommandResult {
    let config = args.config.load()?;
    let Some(receiver) = config.routing.receiver(&args.receiver) else {
        let names: Vec<_> = config
            .routing
            .receivers
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let known = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        let reason = format!("unknown receiver `{}` (receivers: {known})", args.receiver);
        return Err(Failure::usage(reason));
    };
    let now = Clock::system().now();
    let mut message = Message::sample(args.resolved, now);
    message.receiver.clone_from(&receiver.name);
    message.key = format!("slod-test-{}", now.0);
    if args.dry_run {
        let (texts, _) = receiver.texts(&message);
        let requests = receiver.requests(&message, &texts, now);
        let shown: String = requests.iter().map(described).collect();
        show(&receiver.redactions.cleaned(shown));
        return Ok(exit::OK);
    }
    send(receiver, &message, now)
}

fn send(receiver: &Receiver, message: &Message, now: Timestamp) -> CommandResult {
    let sender = Sender::new().map_err(Failure::unavailable)?;
    on_this_thread(async {
        let answer = sender.deliver(receiver, message, Done::default(), now);
        let answer = answer.await.answer;
        let text = receiver.redactions.cleaned(answer.text().to_owned());
        if matches!(answer, Answer::Delivered(_)) {
            show(&format!("{}: delivered ({text})\n", receiver.name));
            Ok(exit::OK)
        } else {
            let reason = format!("{}: not delivered: {text}", receiver.name);
            Err(Failure::new(exit::NO, reason))
        }
    })
}

/// Formats a request for people.
fn described(request: &Request) -> String {
    match request {
        Request::Http(request) => described_http(request),
        Request::Mail(mail) => {
            let Envelope {
                host,
                port,
                from,
                to,
                ..
            } = &mail.envelope;
            let to: Vec<_> = to.iter().map(ToString::to_string).collect();
            let to = to.join(", ");
            let (subject, body) = (&mail.subject, &mail.text);
            format!("SMTP {host}:{port}\nFrom: {from}\nTo: {to}\nSubject: {subject}\n\n{body}\n")
        }
        Request::Run {
            program,
            arguments,
            input,
            ..
        } => {
            let (arguments, input) = (arguments.join(" "), pretty(input));
            format!("{program} {arguments}\n\n{input}\n")
        }
    }
}

fn described_http(request: &HttpRequest) -> String {
    let mut text = format!("{} {}\n", request.method.name(), request.url.reveal());
    for (name, value) in &request.headers {
        let shown = if name == "authorization" {
            "<secret>"
        } else {
            value.reveal()
        };
        writeln!(text, "{name}: {shown}").unwrap_or_default();
    }
    if request.tokens.is_some() {
        text += "authorization: <secret>\n";
    }
    writeln!(text, "\n{}", pretty(&request.body)).unwrap_or_default();
    text
}

fn pretty(body: &[u8]) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

fn list(config: &Config, args: &ListArgs) -> CommandResult {
    let store = Store::open_read_only(&config.store.path)?;
    let sent = store.notifications(i64::MAX, args.limit)?;
    let (waiting, mut failures) = (store.waiting()?, store.failures()?);
    let waiting = waiting.into_iter().map(|(receiver, notices)| WaitingEntry {
        failure: failures.remove(&receiver),
        receiver,
        notices,
    });
    let listed = NotificationList {
        sent: sent.into_iter().map(SentEntry::of).collect(),
        waiting: waiting.collect(),
    };
    show(&args.format.of(&listed, NotificationList::to_text));
    Ok(exit::OK)
}

impl NotificationList {
    fn to_text(&self) -> String {
        let mut text: String = self.sent.iter().map(SentEntry::to_text).collect();
        for WaitingEntry {
            receiver,
            notices,
            failure,
        } in &self.waiting
        {
            let notices = numbers::plural(*notices, "notice");
            let _ = match failure {
                Some(why) => writeln!(text, "{receiver}: {notices} not delivered yet: {why}"),
                None => writeln!(text, "{receiver}: {notices} not delivered yet"),
            };
        }
        if text.is_empty() {
            return "no messages sent or pending\n".to_owned();
        }
        text
    }
}

impl SentEntry {
    fn of(sent: Sent) -> Self {
        Self {
            at: sent.at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            receiver: sent.receiver,
            group: sent.group,
            firing: sent.firing,
            resolved: sent.resolved,
            delivered: sent.delivered,
            answer: sent.answer,
        }
    }

    fn to_text(&self) -> String {
        let state = if self.delivered {
            "delivered"
        } else {
            "given up"
        };
        format!(
            "{}  {}  {}  {} firing, {} resolved  {state}: {}\n",
            self.at, self.receiver, self.group, self.firing, self.resolved, self.answer
        )
    }
}
