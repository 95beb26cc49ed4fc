//! Starting threads when the system may refuse to: tokio and the standard library would panic.

use parking_lot::Mutex;
use std::fs;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often, and at which interval, to check whether ended threads are gone.
const CHECKS: (u32, Duration) = (100, Duration::from_millis(1));

/// Why no thread could be started, and how to fix it.
pub fn refusal(error: &io::Error) -> String {
    // A multi-threaded runtime needs file descriptors.
    if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
        return "cannot start a thread: too many open files; raise LimitNOFILE of the service, or the limit of its user \
                (`ulimit -n`)"
            .to_owned();
    }
    format!(
        "cannot start a thread: {}; raise TasksMax or the pids limit of the service, or the limit of its user (`ulimit -u`)",
        error.kind()
    )
}

/// Returns how many threads can be started concurrently now, at most `most`; returns an error if
/// fewer than `least`.
pub fn startable(least: usize, most: usize) -> io::Result<usize> {
    let before = running();
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let start = |_| {
        let gate = gate.clone();
        thread::Builder::new().spawn(move || drop(gate.lock()))
    };
    let (mut started, mut failed) = (Vec::new(), None);
    for result in (0..most).map(start) {
        match result {
            Ok(thread) => started.push(thread),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    drop(closed);
    let count = started.len();
    for thread in started {
        let _ = thread.join();
    }
    // Until the system has released them, they count against the limit.
    for _ in 0..CHECKS.0 {
        if running() <= before {
            break;
        }
        thread::sleep(CHECKS.1);
    }
    match failed {
        Some(error) if count < least => Err(error),
        _ => Ok(count),
    }
}

/// The number of threads of this process; 0 if unknown.
fn running() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Performs `work` for each part on as many threads as there are processors, including this one, or
/// on fewer if no more can be started. Returns the results in the order of the parts.
pub fn each<P: Send, R: Send>(parts: Vec<P>, work: impl Fn(P) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let more = processors.min(parts.len()).saturating_sub(1);
    let parts = Mutex::new(parts.into_iter().enumerate());
    let take = || {
        let mut done = Vec::new();
        // The lock is only held while taking a part.
        let next = || parts.lock().next();
        while let Some((number, part)) = next() {
            done.push((number, work(part)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, take).ok();
        let threads: Vec<_> = (0..more).map_while(start).collect();
        let mut done = take();
        for thread in threads {
            match thread.join() {
                Ok(others) => done.extend(others),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_parts() {
        assert!(each(Vec::<u8>::new(), |part| part).is_empty());
        let parts: Vec<u32> = (0..1000).collect();
        let squares: Vec<u32> = parts.iter().map(|part| part * part).collect();
        assert_eq!(each(parts, |part| part * part), squares);
    }

    #[test]
    fn the_reached_limit_is_named() {
        let refused = |code| refusal(&io::Error::from_raw_os_error(code));
        assert!(refused(libc::EMFILE).contains("`ulimit -n`"));
        assert!(refused(libc::EAGAIN).contains("`ulimit -u`"));
    }

    #[test]
    fn threads_are_counted_while_they_exist() {
        assert_eq!(startable(4, 4).expect("there are threads"), 4);
    }
}
