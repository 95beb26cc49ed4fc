//! Values of samples as integers, which take the least space.
//!
//! Integers and decimals with few decimal places are stored exactly as their digits. Other gauges
//! are rounded to five significant digits; other counters keep all bits.

use super::numbers;
use crate::sample::SeriesKind;
use crate::store::column::{Decoder, Encoder};
use crate::store::counts::{Bytes, Corrupt};

/// How values are converted to integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// The number of decimal places.
    Decimal(u8),
    /// Five significant digits and the power of ten.
    Rounded,
    /// The bits of the floating-point number.
    Bits,
}

const ROUNDED: u8 = 254;
const BITS: u8 = 255;

/// Maximum number of decimal places stored exactly. Values in microseconds are rounded in a gauge,
/// but not in a counter.
const fn max_places(kind: SeriesKind) -> u8 {
    match kind {
        SeriesKind::Gauge => 5,
        SeriesKind::Counter => 9,
    }
}

/// Appends a non-empty column of values.
pub fn write(
    values: &[f64],
    kind: SeriesKind,
    out: &mut Vec<u8>,
    stream: &mut Encoder,
) -> Result<(), Corrupt> {
    let (coding, numbers) = coded(values, kind);
    out.push(match coding {
        Coding::Decimal(places) => places,
        Coding::Rounded => ROUNDED,
        Coding::Bits => BITS,
    });
    numbers::write(&numbers, out, stream)
}

/// Parameters of a column, needed to decode its values.
#[derive(Debug)]
pub struct Head {
    coding: Coding,
    numbers: numbers::Head,
}

impl Head {
    /// Reads a head in the output of [`write()`].
    pub fn read(bytes: &mut Bytes<'_>) -> Result<Self, Corrupt> {
        let coding = match bytes.byte()? {
            ROUNDED => Coding::Rounded,
            BITS => Coding::Bits,
            places if usize::from(places) < POWERS.len() => Coding::Decimal(places),
            _ => return Err(Corrupt),
        };
        let numbers = numbers::Head::read(bytes)?;
        Ok(Self { coding, numbers })
    }

    /// Reads the `len` values of the column.
    pub fn values(&self, len: usize, stream: &mut Decoder<'_>) -> Result<Vec<f64>, Corrupt> {
        let numbers = self.numbers.numbers(len, stream)?.into_iter();
        Ok(match self.coding {
            Coding::Decimal(places) => {
                let power = POWERS[usize::from(places)];
                numbers.map(|number| number as f64 / power).collect()
            }
            Coding::Rounded => numbers.map(unrounded).collect(),
            Coding::Bits => numbers
                .map(|number| f64::from_bits(number.cast_unsigned()))
                .collect(),
        })
    }
}

fn coded(values: &[f64], kind: SeriesKind) -> (Coding, Vec<i64>) {
    if let Some((places, numbers)) = decimals(values, max_places(kind)) {
        return (Coding::Decimal(places), numbers);
    }
    let rounded = || {
        values
            .iter()
            .map(|value| rounded(*value))
            .collect::<Option<Vec<_>>>()
    };
    match rounded().filter(|_| kind == SeriesKind::Gauge) {
        Some(numbers) => (Coding::Rounded, numbers),
        None => (
            Coding::Bits,
            values
                .iter()
                .map(|value| value.to_bits().cast_signed())
                .collect(),
        ),
    }
}

/// Powers of ten that are exact.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Integers up to this are exact, even after scaling.
const MAX_EXACT: f64 = 1e15;

/// Converts values to decimals with the smallest common number of decimal places.
fn decimals(values: &[f64], max_places: u8) -> Option<(u8, Vec<i64>)> {
    let mut places = 0;
    for value in values {
        while scaled(*value, places).is_none() {
            places += 1;
            if places > max_places {
                return None;
            }
        }
    }
    let numbers: Option<Vec<_>> = values.iter().map(|value| scaled(*value, places)).collect();
    Some((places, numbers?))
}

fn scaled(value: f64, places: u8) -> Option<i64> {
    let power = POWERS[usize::from(places)];
    let number = (value * power).round();
    #[expect(
        clippy::float_cmp,
        reason = "the same value comes back, or it is not taken"
    )]
    let is_exact = number.abs() <= MAX_EXACT && number / power == value;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole, and not above 10^15"
    )]
    is_exact.then_some(number as i64)
}

/// The number of five-digit integers without a leading zero.
const DIGITS: i64 = 90_000;
/// Exceeds the absolute value of the smallest power of ten.
const LOWEST: i64 = 400;

/// Converts a value to an integer that increases with it: the power of ten and five digits.
fn rounded(value: f64) -> Option<i64> {
    if value == 0.0 {
        return Some(0);
    }
    let text = format!("{:.4e}", value.abs());
    let (digits, power) = text.split_once('e')?;
    let digits: i64 = digits.replace('.', "").parse().ok()?;
    let power: i64 = power.parse().ok()?;
    let number = (power + LOWEST) * DIGITS + digits - 10_000 + 1;
    // The largest values would be rounded to infinity.
    unrounded(number)
        .is_finite()
        .then_some(if value < 0.0 { -number } else { number })
}

fn unrounded(number: i64) -> f64 {
    let Some(size) = number.checked_abs().filter(|size| *size > 0) else {
        return 0.0;
    };
    let digits = (size - 1) % DIGITS + 10_000;
    let power = (size - 1) / DIGITS - LOWEST - 4;
    let index = usize::try_from(power.unsigned_abs()).unwrap_or(usize::MAX);
    // Both are exact, so that the result is the nearest floating-point number, as when parsing the
    // text.
    let value = match POWERS.get(index) {
        Some(exact) if power >= 0 => digits as f64 * exact,
        Some(exact) => digits as f64 / exact,
        None => format!("{digits}e{power}").parse().unwrap_or(0.0),
    };
    if number < 0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back(values: &[f64], kind: SeriesKind) -> Vec<f64> {
        let (mut out, mut stream) = (Vec::new(), Encoder::new());
        write(values, kind, &mut out, &mut stream).expect("not empty");
        let stream = stream.finish();
        let mut bytes = Bytes(&out);
        let head = Head::read(&mut bytes).expect("just written");
        assert!(bytes.0.is_empty());
        head.values(values.len(), &mut Decoder::new(&stream))
            .expect("just written")
    }

    #[test]
    fn decimals_and_integers_are_exact_and_other_gauges_are_rounded() {
        let gauge = |values: &[f64]| back(values, SeriesKind::Gauge);
        for exact in [
            &[0.25, 0.5, 17.0, -3.12, 0.1][..],
            &[1e15, -1e15, 0.0],
            &[8_589_934_592.0, 8_589_938_688.0],
            &[f64::MAX, f64::MIN, f64::INFINITY],
        ] {
            assert_eq!(gauge(exact), exact);
        }
        assert_eq!(
            gauge(&[1.0 / 3.0, 200.0 / 3.0, 0.0]),
            [0.333_33, 66.667, 0.0]
        );
        assert_eq!(gauge(&[-0.999_999_9, 1e-300 / 3.0]), [-1.0, 3.3333e-301]);
        assert_eq!(gauge(&[5e-324]), [5e-324]);
        assert!(gauge(&[f64::NAN])[0].is_nan());
        let counter = [0.123_456_789, 12_345.678_901_234_5, 1.0 / 3.0];
        assert_eq!(back(&counter, SeriesKind::Counter), counter);
    }

    #[test]
    fn rounded_values_keep_their_order() {
        let values = [
            -2e9 / 3.0,
            -1.0 / 3.0,
            -1e-9 / 3.0,
            0.0,
            1e-9 / 3.0,
            0.333_32,
            99_999.0,
            100_001.0,
        ];
        let numbers: Vec<_> = values.iter().map(|value| rounded(*value)).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }

    proptest! {
        #[test]
        fn counters_are_exact(values in prop::collection::vec(any::<f64>(), 1..40)) {
            prop_assert_eq!(back(&values, SeriesKind::Counter), values);
        }

        #[test]
        fn gauges_are_known_to_five_digits_and_rounding_them_again_changes_nothing(
            values in prop::collection::vec(any::<f64>(), 1..40),
        ) {
            let known = back(&values, SeriesKind::Gauge);
            for (value, known) in values.iter().zip(&known) {
                let error = (known - value).abs();
                prop_assert!(error <= value.abs() * 5.001e-5 || value.is_subnormal(), "{value} {known}");
            }
            prop_assert_eq!(back(&known, SeriesKind::Gauge), known);
        }
    }
}
