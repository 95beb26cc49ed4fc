//! The author of a change that is made on the command line.

use clap::Args;
use std::fs;

#[derive(Debug, Args)]
pub struct AuthorArg {
    /// Author of the change. Not needed with a login, whose name is used then [default: the user of this process].
    #[arg(long, env = "USER")]
    author: Option<String>,
}

impl AuthorArg {
    /// The given author, or else the name of the user that runs this program.
    pub fn name(&self) -> String {
        let given = self.author.clone();
        let given = given.filter(|name| !name.trim().is_empty());
        given.unwrap_or_else(this_user)
    }
}

/// The name of a user as `whoami` prints it: `USER` is not set in containers or by cron.
fn this_user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(uid, &users).map_or_else(|| format!("uid {uid}"), str::to_owned)
}

/// The name of a user in the format of `/etc/passwd`.
fn name_of(uid: u32, users: &str) -> Option<&str> {
    let users = users.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((name, fields.nth(1)?.parse::<u32>().ok()?))
    });
    let mut found = users.filter(|(_, id)| *id == uid);
    found.next().map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_author_it_is_the_user_of_the_process() {
        let author = |name: Option<&str>| {
            let author = name.map(str::to_owned);
            AuthorArg { author }.name()
        };
        assert_eq!(author(Some("ada")), "ada");
        let own = this_user();
        assert!(!own.is_empty());
        assert_eq!(author(Some(" ")), own);
        assert_eq!(author(None), own);
        let users = "root:x:0:0::/root:/bin/sh\n# comment\n:x:7:7\nnonroot:x:65532:65532::/:\n";
        assert_eq!(name_of(0, users), Some("root"));
        assert_eq!(name_of(65532, users), Some("nonroot"));
        assert_eq!(name_of(7, users), None);
    }
}
