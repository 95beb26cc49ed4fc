//! Unix sockets: connections to servers on this machine, by path.

use super::{Connection, Failure, Progress};
use crate::outcome::{Cause, Measurement, VoidReason};
use crate::yaml::{Form, Scalar};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use tokio::net::UnixStream;

/// Maximum length of a path in bytes: the system has 108, with a NUL at the end (unix(7)).
const PATH_MAX: usize = 107;
/// What starts the address of a socket, as in gRPC and nginx.
const SCHEME: &str = "unix:";

/// The absolute path of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPath(Arc<Path>);

impl SocketPath {
    /// `/run/app.sock`
    pub(super) fn of_path(text: &str) -> Option<Self> {
        let path = Path::new(text);
        let is_file = !text.ends_with('/') && !text.contains('\0');
        let is_fit = path.is_absolute() && path.as_os_str().as_bytes().len() <= PATH_MAX;
        (is_file && is_fit).then(|| Self(path.into()))
    }

    /// `unix:/run/app.sock`, or `unix:///run/app.sock` as Docker writes it.
    pub(super) fn of_address(text: &str) -> Option<Self> {
        let path = text.strip_prefix(SCHEME)?;
        Self::of_path(path.strip_prefix("//").unwrap_or(path))
    }

    pub async fn connect(&self, progress: &mut Progress<'_>) -> Result<Connection, Failure> {
        progress.enter(Measurement::Connect);
        let connected = UnixStream::connect(&self.0).await;
        let connected = connected.map_err(|error| self.failure(&error));
        progress.record("connect", || match &connected {
            Ok(_) => format!("{self}: connected"),
            Err(failure) => failure.message.clone(),
        });
        connected.map(Connection::Right)
    }

    fn failure(&self, error: &io::Error) -> Failure {
        let (cause, words) = match error.raw_os_error() {
            // As for packets that slod may not send, nothing is known about the service.
            Some(libc::EACCES | libc::EPERM) => {
                let message = format!(
                    "{self}: permission denied: slod's user needs write permission for the socket, and execute permission for its directories"
                );
                return Failure::void(VoidReason::Resources, message);
            }
            Some(libc::ENOENT | libc::ENOTDIR) => (Cause::Refused, "there is no such socket"),
            Some(libc::ECONNREFUSED) => (
                Cause::Refused,
                "connection refused: nothing listens on the socket",
            ),
            Some(libc::EAGAIN) => (
                Cause::Refused,
                "connection refused: the server accepts no more connections, its backlog is full",
            ),
            Some(libc::EPROTOTYPE) => (
                Cause::Refused,
                "the socket is for datagrams, not for connections",
            ),
            _ => return Failure::io(error, &self.to_string()),
        };
        Failure::bad(cause, format!("{self}: {words}"))
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.0.display())
    }
}

/// What is expected instead of an invalid path.
pub(super) fn expected_path(written: &str) -> String {
    if written.len() > PATH_MAX && !written.contains("${") {
        return format!("a path of at most {PATH_MAX} bytes, which is the limit of the system");
    }
    "the absolute path of a socket, such as /run/app.sock".to_owned()
}

/// The value of `unix_socket`: a path, as after curl's `--unix-socket`.
#[derive(Clone, Copy, Debug)]
pub struct SocketFile;

impl Form for SocketFile {
    fn describe(&self) -> String {
        "path".to_owned()
    }
}

impl Scalar for SocketFile {
    type Value = SocketPath;

    fn expected(&self, written: &str) -> String {
        expected_path(written)
    }

    fn parse(&self, text: &str) -> Option<SocketPath> {
        SocketPath::of_path(text)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        let path = SocketPath::of_address(written);
        path.map(|path| path.0.display().to_string())
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_short() {
        for (text, shown) in [
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("unix:///run/a.sock", "unix:/run/a.sock"),
        ] {
            let path = SocketPath::of_address(text).expect(text);
            assert_eq!(path.to_string(), shown);
        }
        let longest = format!("/{}", "a".repeat(PATH_MAX - 1));
        assert!(SocketPath::of_path(&longest).is_some());
        let too_long = format!("{longest}a");
        assert!(expected_path(&too_long).contains("at most 107 bytes"));
        for text in ["run/a.sock", "/run/", "", "/run/a\0b", &too_long] {
            assert_eq!(SocketPath::of_path(text), None, "{text}");
        }
        assert_eq!(SocketPath::of_address("unix:a.sock"), None);
        assert_eq!(SocketPath::of_address("/run/a.sock"), None);
        assert_eq!(SocketFile.likely("unix:/run/a.sock"), ["/run/a.sock"]);
    }

    #[test]
    fn only_a_missing_permission_is_void() {
        let path = SocketPath::of_path("/run/a.sock").expect("a path");
        let failure = |number| path.failure(&io::Error::from_raw_os_error(number));
        for number in [
            libc::ENOENT,
            libc::ECONNREFUSED,
            libc::EAGAIN,
            libc::EPROTOTYPE,
        ] {
            let failure = failure(number);
            let expected = crate::outcome::Verdict::Bad(Cause::Refused);
            assert_eq!(failure.verdict, expected, "{failure:?}");
        }
        let denied = failure(libc::EACCES);
        let void = crate::outcome::Verdict::Void(VoidReason::Resources);
        assert_eq!(denied.verdict, void, "{denied:?}");
    }
}
