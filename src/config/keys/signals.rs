//! The keys of warning signs: a switch for each.

use crate::signal::SIGNALS;
use crate::yaml::{Bool, Declared, Key, Keys};

const COUNT: usize = SIGNALS.len();

/// By the names of the signs.
pub static SWITCHES: [Key<Bool>; COUNT] = {
    let mut keys = [Key::with_default("", Bool, "true", ""); COUNT];
    let mut at = 0;
    while at < COUNT {
        keys[at] = Key::with_default(SIGNALS[at].name, Bool, "true", SIGNALS[at].meaning);
        at += 1;
    }
    keys
};

static ALL: [&dyn Declared; COUNT] = {
    let mut keys: [&dyn Declared; COUNT] = [&SWITCHES[0]; COUNT];
    let mut at = 0;
    while at < COUNT {
        keys[at] = &SWITCHES[at];
        at += 1;
    }
    keys
};

pub const KEYS: Keys = &ALL;
