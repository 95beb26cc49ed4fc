//! The label pairs of a sample, in buffers that are reused between samples.

/// Label pairs in insertion order.
#[derive(Debug, Default)]
pub struct Labels {
    /// Names and values, concatenated.
    plain: String,
    /// The pairs as written in both text formats, without braces: rendered once for all samples with
    /// these labels.
    text: String,
    ends: Vec<End>,
}

/// The end of a pair in both buffers.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    name: usize,
    value: usize,
    text: usize,
}

impl Labels {
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        let mut labels = Self::default();
        for (name, value) in pairs {
            labels.push(name, value);
        }
        labels
    }

    pub fn push(&mut self, name: &str, value: &str) {
        self.plain.push_str(name);
        let name_end = self.plain.len();
        self.plain.push_str(value);
        if !self.is_empty() {
            self.text.push(',');
        }
        self.text.push_str(name);
        self.text.push_str("=\"");
        escape(&mut self.text, value, true);
        self.text.push('"');
        self.ends.push(End {
            name: name_end,
            value: self.plain.len(),
            text: self.text.len(),
        });
    }

    /// Removes the last pair.
    pub fn pop(&mut self) {
        self.ends.pop();
        let end = self.ends.last().copied().unwrap_or_default();
        self.plain.truncate(end.value);
        self.text.truncate(end.text);
    }

    fn append(&mut self, plain: &str, text: &str, ends: &[End]) {
        self.plain.push_str(plain);
        self.text.push_str(text);
        self.ends.extend_from_slice(ends);
    }

    pub fn clear(&mut self) {
        self.plain.clear();
        self.text.clear();
        self.ends.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name and value of each pair.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|end| end.value));
        starts.zip(&self.ends).map(|(start, end)| {
            (
                &self.plain[start..end.name],
                &self.plain[end.name..end.value],
            )
        })
    }

    /// The text form: `service="a",probe="b"`.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Label sets of many items, rendered once for all families: rendering thousands of names again for
/// each family would take longer than writing the samples.
#[derive(Debug, Default)]
pub(super) struct LabelSets {
    all: Labels,
    /// The end of each set.
    ends: Vec<Extent>,
}

/// The length of each buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    plain: usize,
    text: usize,
    pairs: usize,
}

impl LabelSets {
    pub(super) fn add(&mut self, labels: &Labels) {
        self.all.append(&labels.plain, &labels.text, &labels.ends);
        self.ends.push(Extent {
            plain: self.all.plain.len(),
            text: self.all.text.len(),
            pairs: self.all.ends.len(),
        });
    }

    /// Calls `visit` with each set in insertion order; labels that it pushes are removed afterwards.
    pub(super) fn each(&self, mut visit: impl FnMut(&mut Labels)) {
        let (mut labels, mut from) = (Labels::default(), Extent::default());
        for to in &self.ends {
            labels.clear();
            labels.append(
                &self.all.plain[from.plain..to.plain],
                &self.all.text[from.text..to.text],
                &self.all.ends[from.pairs..to.pairs],
            );
            visit(&mut labels);
            from = *to;
        }
    }
}

/// Escapes a text for both formats. Help texts of 0.0.4 do not escape quotes.
pub(super) fn escape(out: &mut String, text: &str, quotes: bool) {
    if memchr::memchr3(b'\\', b'\n', b'"', text.as_bytes()).is_none() {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_returned_in_insertion_order() {
        let mut labels = Labels::new(&[("service", "a"), ("probe", "")]);
        labels.push("le", "0.5");
        let pairs: Vec<_> = labels.pairs().collect();
        assert_eq!(pairs, [("service", "a"), ("probe", ""), ("le", "0.5")]);
        labels.pop();
        labels.pop();
        labels.push("x", "ü");
        assert_eq!(
            labels.pairs().collect::<Vec<_>>(),
            [("service", "a"), ("x", "ü")]
        );
        labels.pop();
        labels.pop();
        assert!(labels.is_empty());
        labels.push("y", "b");
        labels.clear();
        assert!(labels.is_empty() && labels.pairs().next().is_none());
    }

    #[test]
    fn rendered_text_matches_the_pairs() {
        let mut labels = Labels::new(&[("service", "a \"b\"\\\n")]);
        let service = r#"service="a \"b\"\\\n""#;
        assert_eq!(labels.text(), service);
        labels.push("le", "+Inf");
        assert_eq!(labels.text(), format!("{service},le=\"+Inf\""));
        labels.pop();
        assert_eq!(labels.text(), service);
        labels.clear();
        labels.push("x", "");
        assert_eq!(labels.text(), "x=\"\"");
    }

    #[test]
    fn label_sets_are_returned_unchanged() {
        let wanted: [&[(&str, &str)]; 4] = [
            &[("service", "a\"b"), ("probe", "http")],
            &[],
            &[("service", "c")],
            &[("service", "d"), ("probe", ""), ("phase", "connect")],
        ];
        let mut sets = LabelSets::default();
        for pairs in wanted {
            sets.add(&Labels::new(pairs));
        }
        let mut seen = 0;
        sets.each(|labels| {
            let alone = Labels::new(wanted[seen]);
            assert_eq!(labels.text(), alone.text());
            assert!(labels.pairs().eq(alone.pairs()));
            labels.push("le", "1");
            assert_eq!(labels.pairs().last(), Some(("le", "1")));
            labels.pop();
            assert!(labels.pairs().eq(alone.pairs()));
            labels.push("quantile", "0.5");
            seen += 1;
        });
        assert_eq!(seen, wanted.len());
    }
}
