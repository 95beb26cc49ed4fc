//! A short run of the fuzz targets with fixed seeds: no external input makes slod panic or takes long
//! to process.
//!
//! `SLOD_FUZZ_SECONDS` runs each target for longer, `SLOD_FUZZ_SEED` changes the inputs.

#[path = "../../fuzz/src/lib.rs"]
#[expect(dead_code, reason = "one function is for cargo-fuzz only")]
mod targets;

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use targets::{Run, TARGETS, Target};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Time limit for one input, on a busy machine and without optimization.
const SLOW: Duration = Duration::from_secs(2);
/// Maximum number of inputs of a short run, so that it is the same on every machine that is fast
/// enough.
const SHORT_RUN: usize = 5000;
/// Maximum size in bytes of a generated input.
const LEN_MAX: usize = 64 << 10;

/// Tokens that parsers expect; without them, generated inputs are rejected at their first bytes.
const WORDS: &[&str] = &[
    "\r\n",
    "\n\n",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "é",
    "0",
    "-1",
    "1e999",
    "1e-999",
    "NaN",
    "18446744073709551615",
    "9223372036854775808",
    "-9223372036854775809",
    "4294967296",
    "0.0000000000000000001",
    "[",
    "{",
    "(",
    "((((((((",
    "[[[[[[[[",
    "{{{{{{{{",
    "]",
    "}",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    ",",
    ":",
    ": ",
    "- ",
    "  ",
    "\t",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "| ",
    "> ",
    "${HOME}",
    "%00",
    "%",
    "?",
    "&",
    "=",
    "/",
    "..",
    "data: ",
    "{secret}",
    "event: ",
    "chunked",
    "Content-Length: ",
    "Transfer-Encoding: ",
    "Content-Encoding: gzip\r\n",
    "le=\"+Inf\"",
    "# EOF\n",
    "# TYPE ",
    "true",
    "null",
    "max",
    "9999-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z",
    "-262144-01-01T00:00:00Z",
    "\u{1b}[31m",
    "d",
    "h",
    "30d",
    "99.999%",
];

/// Generates inputs from others.
struct Mutator {
    random: fastrand::Rng,
    inputs: Vec<Vec<u8>>,
}

impl Mutator {
    fn next(&mut self) -> Vec<u8> {
        let mut input = self.any();
        for _ in 0..=self.random.usize(..6) {
            self.change(&mut input);
        }
        input.truncate(LEN_MAX);
        input
    }

    fn any(&mut self) -> Vec<u8> {
        let at = self.random.usize(..self.inputs.len());
        self.inputs[at].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let start = self.random.usize(..=input.len());
        let most = (input.len() - start).min(1 << self.random.usize(..12));
        let end = start + self.random.usize(..=most);
        match self.random.u8(..9) {
            0 if start < input.len() => input[start] ^= 1 << self.random.u8(..8),
            1 if start < input.len() => input[start] = self.random.u8(..),
            2 => _ = input.drain(start..end),
            3 => {
                let part = input[start..end].to_vec();
                let times = 1 << self.random.usize(..15);
                let copies = part.repeat(times.min(LEN_MAX / part.len().max(1)));
                input.splice(start..start, copies);
            }
            4 => {
                let other = self.any();
                let from = self.random.usize(..=other.len());
                let to = from + self.random.usize(..=other.len() - from);
                input.splice(start..end, other[from..to].iter().copied());
            }
            5 | 6 => {
                let word = WORDS[self.random.usize(..WORDS.len())];
                let end = if self.random.bool() { end } else { start };
                input.splice(start..end, word.bytes());
            }
            7 => self.change_number(input, start),
            _ => input.truncate(end),
        }
    }

    /// Replaces the first number after a position.
    fn change_number(&mut self, input: &mut Vec<u8>, start: usize) {
        let Some(first) = input[start..].iter().position(u8::is_ascii_digit) else {
            return;
        };
        let first = start + first;
        let digits = input[first..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        let end = first + digits.count();
        let number = self.random.u64(..) >> self.random.u32(..64);
        input.splice(first..end, number.to_string().bytes());
    }
}

/// All files of a directory.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let corpus = Path::new(ROOT).join("fuzz/corpus").join(target.name);
    let others = target
        .seeds
        .iter()
        .map(|folder| Path::new(ROOT).join(folder));
    let folders = [corpus].into_iter().chain(others);
    let files = folders.flat_map(|folder| files(&folder));
    files
        .map(|file| fs::read(file).expect("readable"))
        .collect()
}

/// Runs a target on one input; a panic or a slow run fails with the file of the input.
fn check(target: &Target, run: &mut Run, input: &[u8]) {
    let keep = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
        fs::create_dir_all(&folder).expect("created");
        let hash = input.iter().fold(7_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let file = folder.join(format!("{}-{hash:016x}", target.name));
        fs::write(&file, input).expect("written");
        file
    };
    let mut time = || {
        let started = spent();
        let result = catch_unwind(AssertUnwindSafe(|| run(input)));
        assert!(
            result.is_ok(),
            "{} panics on {}",
            target.name,
            keep().display()
        );
        spent().saturating_sub(started)
    };
    let slow = (0..3).all(|_| time() > SLOW);
    assert!(!slow, "{} takes long for {}", target.name, keep().display());
}

/// CPU time of this thread, which does not depend on other processes.
fn spent() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("not negative")
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

fn fuzz(name: &str) {
    let target = TARGETS
        .iter()
        .find(|target| target.name == name)
        .expect("listed");
    let inputs = seeds(target);
    assert!(!inputs.is_empty(), "{name} has no corpus");
    let mut run = (target.start)();
    for input in &inputs {
        check(target, &mut run, input);
    }
    let random = fastrand::Rng::with_seed(number("SLOD_FUZZ_SEED", 1));
    let mut mutator = Mutator { random, inputs };
    let end = Instant::now() + Duration::from_secs(number("SLOD_FUZZ_SECONDS", 2));
    let most = if env::var_os("SLOD_FUZZ_SECONDS").is_some() {
        usize::MAX
    } else {
        SHORT_RUN
    };
    let mut count = 0;
    while count < most && Instant::now() < end {
        let input = mutator.next();
        check(target, &mut run, &input);
        count += 1;
    }
    println!("{name}: {count} inputs");
    assert!(count > 0);
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })*

        #[test]
        fn every_target_is_run_and_is_a_program_of_cargo_fuzz() {
            let listed: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(listed, [$(stringify!($name)),*]);
            let manifest = fs::read_to_string(Path::new(ROOT).join("fuzz/Cargo.toml")).expect("exists");
            for name in listed {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
                let program = Path::new(ROOT).join(format!("fuzz/fuzz_targets/{name}.rs"));
                let program = fs::read_to_string(program).expect("exists");
                assert!(program.contains(&format!("feed(\"{name}\", data)")), "{name}");
            }
        }
    };
}

targets! { answers certificates config cookies daemon_answers data_files dialogs dns events expectations grpc host http2 imported_blackbox imported_k6_lines imported_k6_options imported_objectives imported_requests imports load_http2 load_responses logs pages proxies receivers redactions requests schedules store store_file templates web_file websocket zones }
