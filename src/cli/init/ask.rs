//! Interactive prompts.

use super::InitArgs;
use super::service::{NewService, free_name, name_of, target};
use super::yaml::Answers;
use crate::units;
use std::io::{self, BufRead, Write};

/// Prompts for all settings, repeating each question until the answer is valid.
pub(super) fn ask(
    args: &InitArgs,
    from: &mut impl BufRead,
    to: &mut impl Write,
) -> io::Result<Answers> {
    let mut terminal = Terminal { from, to };
    let mut services: Vec<NewService> = Vec::new();
    loop {
        services.push(terminal.service(&services)?);
        let more = terminal.prompt("Another service? (y/n)", "n")?;
        if !more.to_lowercase().starts_with('y') {
            break;
        }
    }
    let share = |text: &str| {
        let is_valid = units::ratio(text).is_some_and(|ratio| ratio > 0.0 && ratio < 1.0);
        is_valid
            .then_some(())
            .ok_or("expected less than 100%, such as 99.9%")
    };
    let duration = |text: &str| {
        let duration = units::duration(text).filter(|duration| !duration.is_zero());
        duration
            .map(|_| ())
            .ok_or("expected a duration such as 500ms or 10s")
    };
    Ok(Answers {
        services,
        target: terminal.valid("Target for availability and errors", &args.target, share)?,
        latency: terminal.valid(
            "95% of the requests are faster than",
            &args.latency,
            duration,
        )?,
        interval: terminal.valid("Interval between attempts", &args.interval, duration)?,
    })
}

struct Terminal<'a, From, To> {
    from: &'a mut From,
    to: &'a mut To,
}

impl<From: BufRead, To: Write> Terminal<'_, From, To> {
    fn service(&mut self, others: &[NewService]) -> io::Result<NewService> {
        let question = "URL to probe, such as https://api.example/health";
        let url = loop {
            match target(&self.prompt(question, "")?) {
                Ok(url) => break url,
                Err(reason) => writeln!(self.to, "{reason}")?,
            }
        };
        let default = free_name(others, &name_of(&url));
        Ok(NewService {
            name: self.prompt("Name of the service", &default)?,
            probed: Some(url),
            metrics: None,
        })
    }

    fn valid(
        &mut self,
        question: &str,
        default: &str,
        check: impl Fn(&str) -> Result<(), &'static str>,
    ) -> io::Result<String> {
        loop {
            let answer = self.prompt(question, default)?;
            match check(&answer) {
                Ok(()) => return Ok(answer),
                Err(reason) => writeln!(self.to, "{reason}")?,
            }
        }
    }

    fn prompt(&mut self, question: &str, default: &str) -> io::Result<String> {
        match default {
            "" => write!(self.to, "{question}: ")?,
            default => write!(self.to, "{question} [{default}]: ")?,
        }
        self.to.flush()?;
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer = line.trim();
        Ok(if answer.is_empty() { default } else { answer }.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn prompts_repeat_until_the_answer_is_valid() {
        let args = InitArgs {
            urls: Vec::new(),
            metrics: Vec::new(),
            names: Vec::new(),
            target: "99.9%".to_owned(),
            latency: "500ms".to_owned(),
            interval: "10s".to_owned(),
            out: PathBuf::from("slod.yaml"),
            force: false,
        };
        let typed = "ftp://x\nhttp://a.example/\n\ny\na.example\nother\n\n100%\n99%\n\n10\n1m\n";
        let mut asked = Vec::new();
        let answers = ask(&args, &mut typed.as_bytes(), &mut asked).expect("all answered");
        let names: Vec<_> = answers.services.iter().map(|one| &*one.name).collect();
        assert_eq!(names, ["a-example", "other"]);
        assert_eq!(
            (&*answers.target, &*answers.latency, &*answers.interval),
            ("99%", "500ms", "1m")
        );
        let ended = ask(&args, &mut "".as_bytes(), &mut asked);
        assert_eq!(
            ended.map_err(|error| error.kind()).err(),
            Some(io::ErrorKind::UnexpectedEof)
        );
    }
}
