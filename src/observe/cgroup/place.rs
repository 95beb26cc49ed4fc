//! The control group that is the container of a process.

use super::Version;
use std::path::{Component, Path, PathBuf};

/// A control group in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) version: Version,
    pub(super) folder: PathBuf,
    /// The mount point of its hierarchy.
    pub(super) top: PathBuf,
}

impl Place {
    pub(super) fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Whether it is the root control group of the host, given that it is the top of the mounted
    /// tree. Inside a cgroup namespace, the apparent root of version 2 has files that the real root
    /// does not have.
    pub(super) fn is_root(&self, mounted: &Path) -> bool {
        match self.version {
            Version::V1 => mounted == Path::new("/"),
            Version::V2 => !self.folder.join("cgroup.events").exists(),
        }
    }

    /// The control group and its ancestors, whose limits apply to it too.
    pub(super) fn with_ancestors(&self) -> impl Iterator<Item = &Path> {
        let all = self.folder.ancestors();
        all.take_while(|folder| folder.starts_with(&self.top))
    }
}

/// The control groups that limit and measure a container, by controller. In version 2 they are all
/// the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::observe) struct Container {
    pub(super) memory: Option<Place>,
    pub(super) cpu: Option<Place>,
    pub(super) cpuacct: Option<Place>,
    pub(super) pids: Option<Place>,
}

impl Container {
    fn places(&self) -> impl Iterator<Item = &Place> {
        let all = [&self.memory, &self.cpu, &self.cpuacct, &self.pids];
        all.into_iter().flatten()
    }

    pub(super) fn is_any(&self) -> bool {
        self.places().next().is_some()
    }

    pub(in crate::observe) fn exists(&self) -> bool {
        self.places().any(Place::exists)
    }
}

/// The prefix of a path that ends with a container or a systemd unit, since services create groups
/// of their own below it. Returns the whole path if it contains no known unit name.
pub(super) fn unit(path: &Path) -> &Path {
    let is_unit = |folder: &&Path| match folder.components().next_back() {
        Some(Component::Normal(name)) => name.to_str().is_some_and(is_unit_name),
        _ => false,
    };
    path.ancestors().find(is_unit).unwrap_or(path)
}

/// Matches `docker-0123.scope`, `nginx.service`, the 64 hexadecimal digits of a container id,
/// `lxc.payload.web`.
fn is_unit_name(name: &str) -> bool {
    let is_id = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_suffix = [".scope", ".service"]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    is_id || has_suffix || name.starts_with("lxc.payload.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_is_the_unit_in_the_path() {
        let id = "0123456789abcdef".repeat(4);
        let docker = format!("/docker/{id}");
        for (path, expected) in [
            ("/system.slice/nginx.service", "/system.slice/nginx.service"),
            (
                "/machine.slice/libpod-1.scope/container",
                "/machine.slice/libpod-1.scope",
            ),
            (&format!("{docker}/init"), &docker),
            (
                &format!("{docker}/system.slice/a.service/x"),
                &format!("{docker}/system.slice/a.service"),
            ),
            ("/lxc.payload.web/a", "/lxc.payload.web"),
            ("/limited/by/hand", "/limited/by/hand"),
            ("/", "/"),
        ] {
            assert_eq!(unit(Path::new(path)), Path::new(expected));
        }
    }
}
