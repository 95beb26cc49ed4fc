//! Aligned tables for the terminal.

use crate::format::width::columns;
use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};

/// Formats the value, or a dash if it is unknown.
pub fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

/// A table without borders, with these headings.
pub fn plain<H: ToString>(heads: &[H]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_header(heads.iter().map(ToString::to_string));
    table
}

/// Renders without trailing spaces; the columns in `numbers` are right-aligned.
pub fn drawn(table: Table, numbers: &[usize]) -> String {
    drawn_within(table, numbers, usize::MAX, &[])
}

/// Like [`drawn`], but drops columns, in the order of `optional`, until the table is no wider than `width`.
pub fn drawn_within(
    mut table: Table,
    numbers: &[usize],
    width: usize,
    optional: &[usize],
) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for column in numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut optional = optional.iter();
    loop {
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        let widest = lines.iter().map(|line| columns(line)).max();
        let column = match optional.next() {
            Some(column) if widest.is_some_and(|widest| widest > width) => *column,
            _ => return lines.join("\n"),
        };
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_table_leaves_out_what_is_optional() {
        let mut table = plain(&["NAME", "WINDOW", "STATE"]);
        table.add_row(["rag", "30d", "ok"]);
        let within = |width| drawn_within(table.clone(), &[1], width, &[1]);
        assert_eq!(within(19), "NAME  WINDOW  STATE\nrag      30d  ok");
        assert_eq!(within(18), "NAME  STATE\nrag   ok");
        // Other columns are never dropped.
        assert_eq!(within(3), "NAME  STATE\nrag   ok");
    }
}
