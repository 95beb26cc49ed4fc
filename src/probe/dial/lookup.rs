//! Name lookups by the system's resolver, so that a name resolves as it does for every other program on
//! the machine: nsswitch, hosts file and search list, as they are now.
//!
//! The resolver blocks, for tens of seconds if a name server does not answer, and cannot be canceled. So
//! each lookup runs on its own thread, the number of threads is bounded, attempts that look up the same
//! name at the same time share a lookup, and slow names do not use the threads of fast ones. An attempt
//! does not join a lookup that began much earlier: its datagram may have been lost, which the resolver
//! notices only after seconds, while a new query would be answered.

use super::Failure;
use super::hosts::HostsFile;
use super::resolve::Family;
use super::system_resolver::resolve;
use crate::outcome::VoidReason;
use futures_util::FutureExt;
use futures_util::future::Shared;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::timeout;

/// Threads for names in the hosts file, which resolve immediately.
const HOSTS_THREADS: usize = 16;
/// Threads for names that are new or whose last lookup was fast.
const FAST_THREADS: usize = 64;
/// Threads for names whose last lookup was slow. Blocked attempts also take scheduler slots, so the
/// total of all threads stays well below `max_concurrent_probes`.
const SLOW_THREADS: usize = 128;
/// Attempts share a lookup that began at most this long ago.
const TOGETHER: Duration = Duration::from_millis(100);
/// Maximum number of concurrent lookups of one name; beyond it, attempts share the newest one whenever
/// it began.
const PER_NAME: usize = 8;
/// A lookup that takes longer is slow.
const SLOW: Duration = Duration::from_secs(1);
/// Maximum number of slow names that are remembered; redirects can lead to any number of names.
const SLOW_MAX: usize = 10_000;
/// Stack size: more than the C library's resolver and its usual modules need.
const STACK: usize = 512 << 10;
const NO_THREAD: &str = "slod could not start a thread to resolve the name: raise its process limit (`ulimit -u`, TasksMax, pids.max)";

/// A name to look up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    pub name: Box<str>,
    pub family: Family,
}

/// The addresses of a name, with port 0.
pub type Answer = Result<Arc<[SocketAddr]>, Failure>;
type Pending = Shared<oneshot::Receiver<Answer>>;

/// All lookups of the process.
#[derive(Debug)]
pub struct Lookups {
    resolve: fn(&Question) -> Answer,
    hosts: HostsFile,
    lanes: [Semaphore; 3],
    state: Mutex<LookupState>,
}

#[derive(Debug, Default)]
struct LookupState {
    /// Running lookups by question, oldest first; no entry if there are none.
    running: HashMap<Question, Vec<RunningLookup>>,
    slow: HashSet<Question>,
}

/// A running lookup.
#[derive(Debug)]
struct RunningLookup {
    at: Instant,
    answer: Pending,
}

impl LookupState {
    fn newest(&self, question: &Question) -> Option<&RunningLookup> {
        self.running.get(question)?.last()
    }

    /// The running lookup that a new attempt shares.
    fn shared(&self, question: &Question) -> Option<Pending> {
        let all = self.running.get(question)?;
        let newest = all.last()?;
        let is_shared = newest.at.elapsed() < TOGETHER || all.len() >= PER_NAME;
        is_shared.then(|| newest.answer.clone())
    }

    /// Whether the last lookup was slow, or a running one is.
    fn is_slow(&self, question: &Question) -> bool {
        let oldest = self.running.get(question).and_then(|all| all.first());
        self.slow.contains(question) || oldest.is_some_and(|oldest| oldest.at.elapsed() >= SLOW)
    }

    fn end(&mut self, question: &Question, at: Instant) {
        if let Some(all) = self.running.get_mut(question) {
            all.retain(|one| one.at != at);
            if all.is_empty() {
                self.running.remove(question);
            }
        }
        if at.elapsed() < SLOW {
            self.slow.remove(question);
        } else if self.slow.len() < SLOW_MAX {
            self.slow.insert(question.clone());
        }
    }
}

impl Lookups {
    fn new(resolve: fn(&Question) -> Answer) -> Self {
        let threads = [HOSTS_THREADS, FAST_THREADS, SLOW_THREADS];
        Self {
            resolve,
            hosts: HostsFile::default(),
            lanes: threads.map(Semaphore::new),
            state: Mutex::default(),
        }
    }

    /// The lookups by the system's resolver.
    pub fn system() -> &'static Self {
        static LOOKUPS: LazyLock<Lookups> = LazyLock::new(|| Lookups::new(resolve));
        &LOOKUPS
    }

    /// Looks up a name, waiting at most `patience` for a free thread. Without a thread, shares an older
    /// lookup of the same name; without one, the result is void.
    pub async fn find(&'static self, question: Question, patience: Duration) -> Answer {
        let shared = self.state().shared(&question);
        let pending = match shared {
            Some(shared) => shared,
            None => match timeout(patience, self.lane(&question).acquire()).await {
                Ok(Ok(permit)) => self.start(question, permit)?,
                _ => self.newest(&question)?,
            },
        };
        let lost = || Failure::void(VoidReason::Internal, "the lookup ended without an answer");
        pending.await.unwrap_or_else(|_| Err(lost()))
    }

    fn newest(&self, question: &Question) -> Result<Pending, Failure> {
        let state = self.state();
        if let Some(newest) = state.newest(question) {
            return Ok(newest.answer.clone());
        }
        let running: usize = state.running.values().map(Vec::len).sum();
        let message = format!(
            "no thread is free to resolve names: {running} lookups wait for their name servers"
        );
        Err(Failure::void(VoidReason::Resources, message))
    }

    fn lane(&self, question: &Question) -> &Semaphore {
        let [hosts, fast, slow] = &self.lanes;
        if self.hosts.holds(&question.name) {
            hosts
        } else if self.state().is_slow(question) {
            slow
        } else {
            fast
        }
    }

    /// Starts a lookup, or joins one that began while this one waited for a thread.
    fn start(
        &'static self,
        question: Question,
        permit: SemaphorePermit<'static>,
    ) -> Result<Pending, Failure> {
        let (done, answer) = oneshot::channel();
        let begun = RunningLookup {
            at: Instant::now(),
            answer: answer.shared(),
        };
        let (at, pending) = (begun.at, begun.answer.clone());
        {
            let mut state = self.state();
            if let Some(shared) = state.shared(&question) {
                return Ok(shared);
            }
            state
                .running
                .entry(question.clone())
                .or_default()
                .push(begun);
        }
        let running = Running {
            lookups: self,
            question,
            at,
            _permit: permit,
        };
        let work = move || {
            let answer = (self.resolve)(&running.question);
            drop(running);
            // Every attempt may have stopped waiting.
            let _ = done.send(answer);
        };
        // If no thread can be started, this drops `running`, which locks the state.
        let builder = thread::Builder::new().name("resolve".to_owned());
        builder
            .stack_size(STACK)
            .spawn(work)
            .map_err(|_| Failure::void(VoidReason::Resources, NO_THREAD))?;
        Ok(pending)
    }

    fn state(&self) -> MutexGuard<'_, LookupState> {
        self.state.lock()
    }
}

/// A lookup on its thread; dropped when the lookup ends for any reason.
struct Running {
    lookups: &'static Lookups,
    question: Question,
    at: Instant,
    _permit: SemaphorePermit<'static>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lookups.state().end(&self.question, self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Cause, Verdict};
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static HUNG: AtomicUsize = AtomicUsize::new(0);

    /// Acts like a resolver whose name server does not answer for names below `silent.test`.
    fn hanging(question: &Question) -> Answer {
        if question.name.ends_with("silent.test") {
            HUNG.fetch_add(1, Ordering::Relaxed);
            thread::sleep(SLOW * 2);
            return Err(Failure::bad(Cause::Dns, "silent"));
        }
        Ok([SocketAddr::from((Ipv4Addr::LOCALHOST, 0))].into())
    }

    fn question(name: &str) -> Question {
        Question {
            name: name.into(),
            family: Family::Any,
        }
    }

    #[tokio::test]
    async fn hanging_lookups_do_not_delay_others() {
        let lookups: &'static Lookups = Box::leak(Box::new(Lookups::new(hanging)));
        let patience = Duration::from_millis(100);
        // Hanging lookups occupy every thread for new names, and half of the attempts find none.
        let find = |n: usize| lookups.find(question(&format!("{n}.silent.test")), patience);
        let many = (0..FAST_THREADS * 2).map(|n| tokio::spawn(find(n % (FAST_THREADS + 8))));
        let many: Vec<_> = many.collect();
        tokio::time::sleep(SLOW / 2).await;
        assert_eq!(HUNG.load(Ordering::Relaxed), FAST_THREADS);
        // Names in the hosts file have separate threads.
        let found = lookups.find(question("localhost"), patience).await;
        assert!(found.is_ok(), "{found:?}");
        let found = lookups.find(question("new.test"), patience).await;
        let void = found.expect_err("no thread is free");
        assert_eq!(void.verdict, Verdict::Void(VoidReason::Resources));
        let (mut void, mut bad) = (0, 0);
        for one in many {
            match one.await.expect("no panic") {
                Err(failure) if failure.verdict == Verdict::Bad(Cause::Dns) => bad += 1,
                Err(_) => void += 1,
                Ok(found) => panic!("{found:?}"),
            }
        }
        // Eight lookups found no thread; all attempts for one name share its lookup.
        assert_eq!((void, bad), (8, FAST_THREADS * 2 - 8));
        // Names known to be slow do not occupy the threads of others again.
        let again: Vec<_> = (0..FAST_THREADS).map(|n| tokio::spawn(find(n))).collect();
        let found = lookups.find(question("new.test"), patience).await;
        assert!(found.is_ok(), "{found:?}");
        for one in again {
            let failure = one.await.expect("no panic").expect_err("silent");
            assert_eq!(failure.verdict, Verdict::Bad(Cause::Dns));
        }
    }

    static LOST: AtomicUsize = AtomicUsize::new(0);

    /// Acts like a resolver whose first datagrams are lost, which it notices late.
    fn losing(_: &Question) -> Answer {
        if LOST.fetch_add(1, Ordering::Relaxed) == 0 {
            thread::sleep(SLOW * 2);
            return Err(Failure::bad(Cause::Dns, "lost twice"));
        }
        Ok([SocketAddr::from((Ipv4Addr::LOCALHOST, 0))].into())
    }

    #[tokio::test]
    async fn a_lost_datagram_delays_only_concurrent_attempts() {
        let lookups: &'static Lookups = Box::leak(Box::new(Lookups::new(losing)));
        let find = || lookups.find(question("once.test"), SLOW);
        let first = tokio::spawn(find());
        while LOST.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(TOGETHER).await;
        let begin = Instant::now();
        assert!(find().await.is_ok());
        assert!(begin.elapsed() < SLOW && !first.is_finished());
        assert!(first.await.expect("no panic").is_err());
        assert_eq!(LOST.load(Ordering::Relaxed), 2);
        assert!(lookups.state().running.is_empty());
    }

    #[tokio::test]
    async fn lookups_per_name_are_bounded() {
        let lookups: &'static Lookups = Box::leak(Box::new(Lookups::new(|_| {
            thread::sleep(SLOW * 2);
            Err(Failure::bad(Cause::Dns, "silent"))
        })));
        let mut attempts = Vec::new();
        for _ in 0..PER_NAME + 4 {
            attempts.push(tokio::spawn(lookups.find(question("hung.test"), SLOW)));
            tokio::time::sleep(TOGETHER).await;
        }
        assert_eq!(
            lookups.state().running[&question("hung.test")].len(),
            PER_NAME
        );
        for one in attempts {
            assert!(one.await.expect("no panic").is_err());
        }
    }

    #[tokio::test]
    async fn the_system_returns_addresses_of_the_wanted_family_only() {
        for (family, v4) in [(Family::V4, true), (Family::V6, false)] {
            let question = Question {
                name: "localhost".into(),
                family,
            };
            // Some machines resolve `localhost` in one family only.
            if let Ok(found) = Lookups::system().find(question, SLOW).await {
                assert!(!found.is_empty());
                assert!(
                    found.iter().all(|address| address.is_ipv4() == v4),
                    "{found:?}"
                );
            }
        }
    }
}
