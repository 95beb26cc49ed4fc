use std::process::ExitCode;

fn main() -> ExitCode {
    use_one_arena();
    slod::cli::main()
}

/// Keeps the memory of all threads in one arena, unless `MALLOC_ARENA_MAX` says otherwise: the one
/// arena per thread that glibc makes by default holds on to what other threads could use. At 1,000
/// probes this halves the heap, and costs no time (`benches/compare.py`).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn use_one_arena() {
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        // SAFETY: there are no other threads yet, and mallopt(3) asks for nothing else.
        #[expect(unsafe_code)]
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn use_one_arena() {}
