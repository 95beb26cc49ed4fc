//! The definition of a metric family: name, kind, unit, help and labels.

use super::labels::{LabelSets, Labels as Pairs};
use super::sink::{Samples, Sink};

/// The metadata of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name in text 0.0.4; that of a counter ends in `_total`.
    pub name: &'static str,
    pub kind: MetricKind,
    /// The base unit at the end of the name; may be empty.
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
    /// Quantiles without a count or a sum.
    Summary,
}

impl MetricKind {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

type Text = &'static str;
type Labels = &'static [&'static str];

impl Family {
    pub const fn counter(name: Text, labels: Labels, help: Text) -> Self {
        Self::of(MetricKind::Counter, name, "", labels, help)
    }

    pub const fn gauge(name: Text, unit: Text, labels: Labels, help: Text) -> Self {
        Self::of(MetricKind::Gauge, name, unit, labels, help)
    }

    pub const fn histogram(name: Text, unit: Text, labels: Labels, help: Text) -> Self {
        Self::of(MetricKind::Histogram, name, unit, labels, help)
    }

    const fn of(kind: MetricKind, name: Text, unit: Text, labels: Labels, help: Text) -> Self {
        Self {
            name,
            kind,
            unit,
            labels,
            help,
        }
    }
}

/// A family, and the function that writes the samples of one `T`.
pub type Described<T> = (Family, fn(&mut Samples<'_>, &T));

/// Returns a counter, and the function that writes its samples.
pub const fn counter<F>(name: Text, labels: Labels, help: Text, write: F) -> (Family, F) {
    (Family::counter(name, labels, help), write)
}

/// Returns a gauge, and the function that writes its samples.
pub const fn gauge<F>(name: Text, unit: Text, labels: Labels, help: Text, write: F) -> (Family, F) {
    (Family::gauge(name, unit, labels, help), write)
}

/// Returns a histogram, and the function that writes its samples.
pub const fn histogram<F>(
    name: Text,
    unit: Text,
    labels: Labels,
    help: Text,
    write: F,
) -> (Family, F) {
    (Family::histogram(name, unit, labels, help), write)
}

/// Returns a summary, and the function that writes its samples.
pub const fn summary<F>(
    name: Text,
    unit: Text,
    labels: Labels,
    help: Text,
    write: F,
) -> (Family, F) {
    let family = Family::of(MetricKind::Summary, name, unit, labels, help);
    (family, write)
}

/// Writes each family with the samples of all items. `label` sets the labels of an item. Items of a
/// lazy iterator are computed again for each family, so that they are not all in memory at once. Each of them must
/// write the same samples every time.
pub fn write_each<F, I>(
    sink: &mut dyn Sink,
    families: &[(Family, F)],
    items: &(impl Iterator<Item = I> + Clone),
    label: impl Fn(&mut Pairs, &I),
    write: impl Fn(&F, &mut Samples<'_>, &I),
) {
    let mut sets = LabelSets::default();
    let mut labels = Pairs::default();
    for item in items.clone() {
        labels.clear();
        label(&mut labels, &item);
        sets.add(&labels);
    }
    for (family, described) in families {
        if sink.is_closed() {
            return;
        }
        let write_all = |sink: &mut dyn Sink| {
            let mut items = items.clone();
            sets.each(|labels| {
                if let Some(item) = items.next() {
                    write(described, &mut Samples { sink, labels }, &item);
                }
            });
        };
        sink.family(&family.into());
        if sink.begins_to_measure() {
            write_all(sink);
            sink.end_measuring();
        }
        write_all(sink);
    }
}
