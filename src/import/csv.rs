//! Comma-separated values (RFC 4180).

/// Whether a line changes the quoting state: a record continues on the next line after an odd number of quotes,
/// and ends after the next such line.
pub fn leaves_quotes(line: &str) -> bool {
    let quotes = line.bytes().filter(|byte| *byte == b'"').count();
    !quotes.is_multiple_of(2)
}

/// The values of a record.
pub fn values(line: &str) -> Vec<String> {
    let mut values = Vec::new();
    let (mut value, mut quoted) = (String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                value.push('"');
                characters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(std::mem::take(&mut value)),
            c => value.push(c),
        }
    }
    values.push(value);
    values
}

/// The index of each column in the header line; an error names a missing column.
pub fn columns<const N: usize>(header: &str, names: [&str; N]) -> Result<[usize; N], String> {
    let found = values(header);
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(names) {
        *place = found
            .iter()
            .position(|one| one.trim() == name)
            .ok_or_else(|| format!("missing column `{name}`"))?;
    }
    Ok(places)
}
