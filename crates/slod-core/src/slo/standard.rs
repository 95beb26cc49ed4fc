//! Windows that are evaluated for every objective, whatever its own window is. Alert tiers use only these,
//! so all of their windows are always counted.

use super::window::WindowView;
use std::ops::Index;
use std::time::Duration;

/// A standard window; the variants are in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StandardWindow {
    Minutes5,
    Minutes30,
    Hour1,
    Hours2,
    Hours6,
    Day1,
    Days3,
    Days7,
    Days28,
    Days30,
}

impl StandardWindow {
    pub const ALL: [Self; 10] = [
        Self::Minutes5,
        Self::Minutes30,
        Self::Hour1,
        Self::Hours2,
        Self::Hours6,
        Self::Day1,
        Self::Days3,
        Self::Days7,
        Self::Days28,
        Self::Days30,
    ];

    /// The value of the label `window`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minutes5 => "5m",
            Self::Minutes30 => "30m",
            Self::Hour1 => "1h",
            Self::Hours2 => "2h",
            Self::Hours6 => "6h",
            Self::Day1 => "1d",
            Self::Days3 => "3d",
            Self::Days7 => "7d",
            Self::Days28 => "28d",
            Self::Days30 => "30d",
        }
    }

    /// The window with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    pub const fn length(self) -> Duration {
        match self {
            Self::Minutes5 => Duration::from_mins(5),
            Self::Minutes30 => Duration::from_mins(30),
            Self::Hour1 => Duration::from_hours(1),
            Self::Hours2 => Duration::from_hours(2),
            Self::Hours6 => Duration::from_hours(6),
            Self::Day1 => Duration::from_hours(24),
            Self::Days3 => Duration::from_hours(3 * 24),
            Self::Days7 => Duration::from_hours(7 * 24),
            Self::Days28 => Duration::from_hours(28 * 24),
            Self::Days30 => Duration::from_hours(30 * 24),
        }
    }
}

// Windows are in ascending order, and `StandardWindows` is indexed by their position.
const _: () = {
    let mut at = 0;
    while at < StandardWindow::ALL.len() {
        let window = StandardWindow::ALL[at];
        assert!(window as usize == at);
        assert!(
            at == 0 || StandardWindow::ALL[at - 1].length().as_secs() < window.length().as_secs()
        );
        at += 1;
    }
};

/// The state of an objective over each standard window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StandardWindows([WindowView; StandardWindow::ALL.len()]);

impl StandardWindows {
    pub fn of(view: impl FnMut(StandardWindow) -> WindowView) -> Self {
        Self(StandardWindow::ALL.map(view))
    }

    /// Shortest first.
    pub fn iter(&self) -> impl Iterator<Item = (StandardWindow, &WindowView)> {
        StandardWindow::ALL.into_iter().zip(&self.0)
    }
}

impl Index<StandardWindow> for StandardWindows {
    type Output = WindowView;

    fn index(&self, window: StandardWindow) -> &WindowView {
        &self.0[window as usize]
    }
}
