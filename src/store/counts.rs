//! Variable-length numbers, and histograms of values.

/// Stored bytes that are invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// Appends a number in groups of seven bits, lowest first (LEB128).
pub fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Reads the output of [`put`], never beyond the end.
#[derive(Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// Takes the next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Corrupt)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        let (first, rest) = self.0.split_first().ok_or(Corrupt)?;
        self.0 = rest;
        Ok(*first)
    }

    pub fn number(&mut self) -> Result<u64, Corrupt> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Corrupt)
    }

    pub fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Corrupt> {
        T::try_from(self.number()?).map_err(|_| Corrupt)
    }
}

/// A histogram: how often each value occurs, in ascending order of values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueCounts(Vec<(u64, u32)>);

impl ValueCounts {
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        let count = |equal: &[u64]| u32::try_from(equal.len()).unwrap_or(u32::MAX);
        let counts = values.chunk_by(|a, b| a == b);
        Self(counts.map(|equal| (equal[0], count(equal))).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The index of a value among the distinct values.
    pub fn index(&self, value: u64) -> Option<usize> {
        self.0
            .binary_search_by_key(&value, |(value, _)| *value)
            .ok()
    }

    /// The distinct value at an index below [`ValueCounts::len`].
    pub fn value(&self, index: usize) -> u64 {
        self.0[index].0
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> {
        self.0.iter().copied()
    }

    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| u64::from(count)).sum()
    }

    /// Writes the histogram. The difference from the preceding value and the count share one byte
    /// if both are small; 15 in a half means that the rest follows.
    pub fn write(&self, out: &mut Vec<u8>) {
        put(out, self.0.len() as u64);
        let mut before = 0;
        for (value, count) in self.iter() {
            let parts = [value - before, u64::from(count - 1)];
            let [step, more] = parts.map(|part| part.min(15).to_le_bytes()[0]);
            out.push(step << 4 | more);
            for part in parts.into_iter().filter(|part| *part >= 15) {
                put(out, part - 15);
            }
            before = value;
        }
    }

    pub fn read(bytes: &mut Bytes<'_>) -> Result<Self, Corrupt> {
        let len: usize = bytes.small()?;
        if len > bytes.0.len() {
            return Err(Corrupt);
        }
        let mut counts = Vec::with_capacity(len);
        let mut before = 0_u64;
        for _ in 0..len {
            let packed = bytes.byte()?;
            let mut part = |nibble: u8| match nibble {
                15 => bytes.number()?.checked_add(15).ok_or(Corrupt),
                small => Ok(u64::from(small)),
            };
            let value = before.checked_add(part(packed >> 4)?).ok_or(Corrupt)?;
            let count = part(packed & 15)?.checked_add(1).ok_or(Corrupt)?;
            counts.push((value, u32::try_from(count).map_err(|_| Corrupt)?));
            before = value;
        }
        Ok(Self(counts))
    }
}
