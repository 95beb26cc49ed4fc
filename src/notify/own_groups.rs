//! Groups of messages that no route determines: announcements of maintenance and reminders of silences.

use crate::alert::Notice;
use crate::receiver::group_of;

pub const MAINTENANCE: &str = "maintenance";
pub const SILENCES: &str = "silences";

/// The group of a notice: its kind, and the labels that it keeps from its beginning to its end. Each
/// maintenance and each silence has its own messages and incidents, and so does each installation with
/// labels of its own.
pub fn group(kind: &str, notice: &Notice) -> String {
    let labels = notice.labels.iter();
    let labels = labels.filter(|(name, _)| !["alertname", "severity"].contains(&name.as_str()));
    let labels = group_of(labels.map(|(name, value)| (name, value.as_str())));
    format!("{kind}{labels}")
}

/// Whether a group is of this kind. Before groups had labels, a kind was one group.
pub fn is_of(kind: &str, group: &str) -> bool {
    group
        .strip_prefix(kind)
        .is_some_and(|labels| labels.is_empty() || labels.starts_with('{'))
}

/// Whether a route determines a group.
pub fn is_routed(group: &str) -> bool {
    !is_of(MAINTENANCE, group) && !is_of(SILENCES, group)
}
