//! Label pairs of one sample, in one buffer that is reused from sample to sample.

/// Label pairs in the order in which they were added.
#[derive(Debug, Default)]
pub struct Labels {
    /// Names and values, one after the other.
    text: String,
    /// Where each pair's name and value end in `text`.
    ends: Vec<(usize, usize)>,
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
        self.text.push_str(name);
        let name_end = self.text.len();
        self.text.push_str(value);
        self.ends.push((name_end, self.text.len()));
    }

    /// Removes the pair that was added last.
    pub fn pop(&mut self) {
        self.ends.pop();
        self.text.truncate(self.end());
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Name and value of each pair.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts.zip(&self.ends).map(|(start, (name_end, end))| {
            (&self.text[start..*name_end], &self.text[*name_end..*end])
        })
    }

    fn end(&self) -> usize {
        self.ends.last().map_or(0, |(_, end)| *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_as_they_were_added() {
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
        labels.pop();
        assert!(labels.is_empty());
    }
}
