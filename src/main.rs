use nix::sys::signal::{SigSet, Signal};
use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::hold_little();
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
    use std::ffi::c_int;

    /// Allocations of at least this size in bytes are mapped separately; the initial value of glibc.
    const MAPPED_FROM: c_int = 128 * 1024;

    /// Keeps free memory low. Environment variables of glibc take precedence.
    pub(crate) fn hold_little() {
        // The one arena per thread that glibc makes by default holds on to what other threads could use.
        // At 1,000 probes this halves the heap (`benches/compare.py`). On a busy machine, attempts wait longer, for
        // the lock of the arena (docs/LIMITS.md).
        set("MALLOC_ARENA_MAX", libc::M_ARENA_MAX, 1);
        // By default, glibc raises this size with each freed mapping, up to 32 MiB, so that later lists
        // of all services leave gaps in the heap. Setting it keeps it constant: a tenth less memory.
        set(
            "MALLOC_MMAP_THRESHOLD_",
            libc::M_MMAP_THRESHOLD,
            MAPPED_FROM,
        );
    }

    fn set(variable: &str, parameter: c_int, value: c_int) {
        if std::env::var_os(variable).is_none() {
            // SAFETY: there are no other threads yet, and mallopt(3) asks for nothing else.
            #[expect(unsafe_code)]
            unsafe {
                libc::mallopt(parameter, value);
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
    pub(crate) fn hold_little() {}

    pub(crate) fn release_memory() {}
}
