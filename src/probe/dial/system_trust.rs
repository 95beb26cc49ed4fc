//! The certificates that the system trusts, reloaded while slod runs.

use super::Trust;
use parking_lot::Mutex;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How often they are reloaded while they are in use.
const EVERY: Duration = Duration::from_mins(1);

type Loaded = Result<Arc<Trust>, String>;

pub struct SystemTrust {
    load: fn() -> Loaded,
    known: Mutex<Option<LastRead>>,
}

struct LastRead {
    trust: Loaded,
    read_at: Instant,
}

impl SystemTrust {
    pub const fn new(load: fn() -> Loaded) -> Self {
        Self {
            load,
            known: Mutex::new(None),
        }
    }

    /// Returns the certificates as of the last load. Starts a reload on a separate thread when they are
    /// too old; later calls get its result.
    pub fn at(&'static self, now: Instant) -> Loaded {
        let mut known = self.known.lock();
        if let Some(LastRead { trust, read_at }) = &mut *known {
            if now.saturating_duration_since(*read_at) >= EVERY {
                *read_at = now;
                let again = thread::Builder::new().name("certificates".to_owned());
                // If no thread can be started, the next attempt to reload is a minute later.
                let _ = again.spawn(|| self.read_again());
            }
            return trust.clone();
        }
        let trust = (self.load)();
        *known = Some(LastRead {
            trust: trust.clone(),
            read_at: now,
        });
        trust
    }

    fn read_again(&self) {
        let read = (self.load)();
        let mut known = self.known.lock();
        let Some(LastRead { trust, .. }) = &mut *known else {
            return;
        };
        match (&*trust, &read) {
            (Ok(_), Err(error)) => {
                tracing::warn!(
                    "cannot reload the system's trusted certificates, the previous ones stay in use: {error}"
                );
                return;
            }
            (Ok(before), Ok(now)) if before.certificates() == now.certificates() => return,
            (Err(_), Err(_)) => return,
            (before, Ok(now)) => {
                let count = |trust: &Arc<Trust>| trust.certificates().len();
                let (before, now) = (before.as_ref().map_or(0, count), count(now));
                tracing::info!(
                    "the system's trusted certificates have changed: {now} certificates, previously {before}"
                );
            }
        }
        *trust = read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    static HAS_NONE: AtomicBool = AtomicBool::new(true);
    static IS_CHANGED: AtomicBool = AtomicBool::new(false);

    fn load() -> Loaded {
        let name = if IS_CHANGED.load(Ordering::Relaxed) {
            "after.test"
        } else {
            "before.test"
        };
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        Trust::new(&[made.cert.der().clone()])
    }

    fn load_later() -> Loaded {
        if HAS_NONE.load(Ordering::Relaxed) {
            return Err("none".to_owned());
        }
        load()
    }

    #[test]
    fn certificates_added_to_the_system_are_loaded() {
        let system: &'static SystemTrust = Box::leak(Box::new(SystemTrust::new(load_later)));
        let begin = Instant::now();
        assert_eq!(system.at(begin).err().as_deref(), Some("none"));
        HAS_NONE.store(false, Ordering::Relaxed);
        assert!(system.at(begin + Duration::from_secs(59)).is_err());
        let asked = Instant::now();
        while system.at(begin + EVERY).is_err() {
            assert!(
                asked.elapsed() < Duration::from_secs(20),
                "it is not read again"
            );
            thread::yield_now();
        }
    }

    #[test]
    fn system_certificates_are_reloaded_after_a_minute() {
        let system: &'static SystemTrust = Box::leak(Box::new(SystemTrust::new(load)));
        let begin = Instant::now();
        let at = |seconds| {
            system
                .at(begin + Duration::from_secs(seconds))
                .expect("read")
        };
        let before = at(0);
        IS_CHANGED.store(true, Ordering::Relaxed);
        assert!(Arc::ptr_eq(&before, &at(59)));
        let asked = Instant::now();
        while Arc::ptr_eq(&before, &at(60)) {
            assert!(
                asked.elapsed() < Duration::from_secs(20),
                "it is not read again"
            );
            thread::yield_now();
        }
    }
}
