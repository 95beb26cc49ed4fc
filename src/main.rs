use nix::sys::signal::{SigSet, Signal};
use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::use_one_arena();
    outlive_file_size_limits();
    slod::cli::main(allocator::release_memory)
}

/// A write beyond `ulimit -f` then fails as on a full disk, instead of ending the program. All threads
/// inherit this; programs that are started do not, since the standard library clears their mask.
fn outlive_file_size_limits() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    // Fails for an invalid argument only.
    let _ = signals.thread_block();
}

/// The calls into glibc's allocator, which are the only unsafe ones of the program.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator {
    /// Keeps the memory of all threads in one arena, unless `MALLOC_ARENA_MAX` says otherwise: the one
    /// arena per thread that glibc makes by default holds on to what other threads could use. At 1,000
    /// probes this halves the heap, and costs no time (`benches/compare.py`).
    pub(crate) fn use_one_arena() {
        if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
            // SAFETY: there are no other threads yet, and mallopt(3) asks for nothing else.
            #[expect(unsafe_code)]
            unsafe {
                libc::mallopt(libc::M_ARENA_MAX, 1);
            }
        }
    }

    /// Returns free pages to the system: glibc itself returns only what is at the end of the heap, where
    /// something small is enough to hold all of it.
    pub(crate) fn release_memory() {
        // SAFETY: malloc_trim(3) is safe with other threads, and changes nothing that is in use.
        #[expect(unsafe_code)]
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod allocator {
    pub(crate) fn use_one_arena() {}

    pub(crate) fn release_memory() {}
}
