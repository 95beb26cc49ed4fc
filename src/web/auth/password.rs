//! Users and their passwords. A correct password is remembered by a keyed digest, so that its bcrypt hash
//! is computed once per user and not for every request.

use crate::tasks::blocking;
use parking_lot::Mutex;
use ring::hmac::{self, HMAC_SHA256, Tag};
use ring::rand::SystemRandom;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A cost of 18 takes about 15 seconds, and each step doubles that.
const MAX_COST: u32 = 18;

/// A valid bcrypt hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(String);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hash>")
    }
}

/// Parses a hash. The error is what is wrong and what is valid, without the text itself.
pub fn parse(text: &str) -> Result<Hash, (&'static str, String)> {
    let Ok(parts) = bcrypt::HashParts::from_str(text) else {
        let help = "expected a hash such as $2y$10$..., as printed by `htpasswd -nBC 10 USER` after the colon";
        return Err(("the password is not a bcrypt hash", help.to_owned()));
    };
    let cost = parts.get_cost();
    if (4..=MAX_COST).contains(&cost) {
        return Ok(Hash(text.to_owned()));
    }
    let help = format!("expected a cost from 4 to {MAX_COST}; 10 is usual");
    Err(("the cost of this bcrypt hash is out of range", help))
}

/// The users of a file, and the passwords verified since it was read.
pub struct Users {
    hashes: BTreeMap<String, Hash>,
    digests: Digests,
    /// Digest of each user's last correct password.
    known: Mutex<HashMap<String, Tag>>,
    /// One at a time, because each keeps a CPU busy.
    turn: Arc<Semaphore>,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

impl Users {
    pub fn new(hashes: BTreeMap<String, Hash>, digests: Digests) -> Self {
        Self {
            hashes,
            digests,
            known: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether this password was correct before.
    pub fn is_known(&self, user: &str, password: &str) -> bool {
        let known = self.known.lock();
        let tag = known.get(user);
        tag.is_some_and(|tag| self.digests.is_same(&[user, password], tag))
    }

    /// Checks a password. It takes as long for a user who does not exist.
    pub async fn verify(&self, user: &str, password: &str) -> bool {
        let hash = self.hashes.get(user).or_else(|| self.decoy(user));
        let Some(Hash(hash)) = hash.cloned() else {
            return false;
        };
        // The semaphore is never closed. The permit is held until the work is done, even if the client
        // disconnects.
        let turn = self.turn.clone().acquire_owned().await;
        let text = password.to_owned();
        let computed = blocking(move || {
            let is_right = bcrypt::verify(text, &hash).unwrap_or(false);
            drop(turn);
            is_right
        });
        let is_right = computed.await.unwrap_or(false) && self.hashes.contains_key(user);
        if is_right {
            let tag = self.digests.of(&[user, password]);
            let mut known = self.known.lock();
            known.insert(user.to_owned(), tag);
        }
        is_right
    }

    /// The hash of another user, always the same one for a name, so that response times do not reveal which
    /// users exist, even if their costs differ.
    fn decoy(&self, user: &str) -> Option<&Hash> {
        let digest = self.digests.of(&[user]);
        let number = digest.as_ref().iter().fold(0_usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        self.hashes
            .values()
            .nth(number.checked_rem(self.hashes.len())?)
    }
}

/// Keyed digests of secrets, for comparison in constant time regardless of their length. The key is random
/// and never leaves the process.
#[derive(Clone, Debug)]
pub struct Digests(hmac::Key);

impl Digests {
    /// Returns `None` if the system has no random numbers.
    pub fn new() -> Option<Self> {
        let key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new());
        key.ok().map(Self)
    }

    pub fn of(&self, parts: &[&str]) -> Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        context.sign()
    }

    pub fn is_same(&self, parts: &[&str], tag: &Tag) -> bool {
        use subtle::ConstantTimeEq;
        self.of(parts).as_ref().ct_eq(tag.as_ref()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let hash = |password| parse(&bcrypt::hash(password, 4).expect("hashed")).expect("a hash");
        let hashes = [("ada", "one"), ("bob", "two")]
            .map(|(user, password)| (user.to_owned(), hash(password)));
        Users::new(hashes.into(), Digests::new().expect("random"))
    }

    #[tokio::test]
    async fn only_the_right_password_is_right_and_remembered() {
        let users = users();
        for (user, password, right) in [
            ("ada", "one", true),
            ("ada", "two", false),
            ("bob", "one", false),
            ("eve", "one", false),
            ("eve", "two", false),
            ("", "", false),
        ] {
            assert!(!users.is_known(user, password), "{user}");
            assert_eq!(users.verify(user, password).await, right, "{user}");
            assert_eq!(users.is_known(user, password), right, "{user}");
        }
        assert!(!users.is_known("ada", "on"));
        assert!(!users.is_known("adaone", ""));
    }

    #[test]
    fn only_bcrypt_of_a_usual_cost_is_a_hash() {
        let body = "X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";
        for (text, valid) in [
            (format!("$2y$10${body}"), true),
            (format!("$2a$04${body}"), true),
            (format!("$2b$18${body}"), true),
            (format!("$2y$31${body}"), false),
            (format!("$2y$10${}", &body[1..]), false),
            (format!("$1$10${body}"), false),
            ("secret".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(parse(&text).is_ok(), valid, "{text}");
        }
        let shown = format!("{:?}", parse(&format!("$2y$10${body}")));
        assert_eq!(shown, "Ok(<hash>)");
    }
}
