//! Credentials of requests, which become variables: different ones have different variables.

use super::collector::Draft;
use super::secrets::is_secret;
use super::text::reference;

/// Maximum number of variables; further credentials have the last one.
const COUNT_MAX: usize = 20;
const NAME: &str = "authorization";

/// The known credentials, in the order of their variables.
#[derive(Debug, Default)]
pub struct Credentials(Vec<String>);

impl Credentials {
    /// Replaces the credentials of a request by a reference.
    pub fn hide(&mut self, draft: &mut Draft) {
        let mut headers = draft.headers.iter_mut();
        let header = headers.find(|(name, _)| name.trim().eq_ignore_ascii_case(NAME));
        match header {
            Some((_, value)) if is_secret(NAME, value.trim()) => {
                *value = self.reference(distinction(value.trim()));
            }
            Some(_) => {}
            None => {
                if let Some(credentials) = draft.credentials.take() {
                    let value = self.reference(&credentials);
                    draft.headers.push((NAME.to_owned(), value));
                }
            }
        }
    }

    fn reference(&mut self, credentials: &str) -> String {
        let known = self.0.iter().position(|known| known == credentials);
        let number = known.unwrap_or_else(|| {
            self.0.push(credentials.to_owned());
            self.0.len() - 1
        });
        match number.min(COUNT_MAX - 1) {
            0 => reference(NAME),
            number => reference(&format!("{NAME}_{}", number + 1)),
        }
    }
}

/// What distinguishes the value of a header: a user and password as a whole. Tokens and signatures are replaced during
/// a recording, so their scheme does.
fn distinction(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, _)) if !scheme.eq_ignore_ascii_case("basic") => scheme,
        _ => value,
    }
}
