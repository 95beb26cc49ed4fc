//! Bars and sparklines made of characters.

const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Renders a ratio from 0 to 1, clamped to this range.
pub fn bar(share: f64) -> char {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to 7"
    )]
    let height = (share.clamp(0.0, 1.0) * 7.0) as usize;
    HEIGHTS[height]
}

/// The last values that fit, scaled to the highest of them. Unknown values are blank.
pub fn sparkline(values: &[Option<f64>], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let highest = shown.iter().flatten().copied().fold(0.0, f64::max);
    let height = |value: f64| if highest > 0.0 { value / highest } else { 0.0 };
    let each = shown.iter();
    each.map(|value| value.map_or(' ', |value| bar(height(value))))
        .collect()
}

/// The last values that fit, scaled from the lowest to the highest of them, to show a trend. Unknown values
/// are blank.
pub fn curve(values: &[Option<f64>], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let lowest = shown.iter().flatten().copied().fold(f64::MAX, f64::min);
    let above = shown.iter().map(|value| value.map(|value| value - lowest));
    sparkline(&above.collect::<Vec<_>>(), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_value_has_the_full_height() {
        let values = [Some(0.0), None, Some(5.0), Some(10.0)];
        assert_eq!(sparkline(&values, 9), "▁ ▄█");
        assert_eq!(sparkline(&values, 2), "▄█");
        assert_eq!(sparkline(&[Some(0.0); 3], 9), "▁▁▁");
        assert_eq!(sparkline(&[], 9), "");
    }

    #[test]
    fn a_curve_begins_at_the_lowest_value() {
        let values = [Some(100.0), None, Some(105.0), Some(110.0)];
        assert_eq!(curve(&values, 9), "▁ ▄█");
        assert_eq!(curve(&[Some(7.0); 3], 9), "▁▁▁");
        assert_eq!(curve(&[None], 9), " ");
    }
}
