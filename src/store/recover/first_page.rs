//! Repair of a damaged first page: the file header, and the root of the table that lists all other
//! tables. See <https://www.sqlite.org/fileformat2.html>.

use crate::store::schema;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// The first bytes of every `SQLite` file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Size of the file header, which precedes the header of the first page.
const HEADER: usize = 100;
/// The size of every page, unless another program recreated the file.
const PAGE: usize = 4096;
/// Page types of table B-trees: interior pages and leaf pages.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// Bytes before an interior page's cell pointer array.
const INTERIOR_HEADER: usize = 12;

/// The possible page sizes of the file, the likeliest first.
pub fn sizes(file: &mut File) -> io::Result<Vec<usize>> {
    let mut header = [0; HEADER];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut header)?;
    let said = page_size(&header).into_iter().filter(|size| *size != PAGE);
    Ok([PAGE].into_iter().chain(said).collect())
}

/// Repairs the first page of a file. Valid header fields are kept; the freelist and the file size
/// are left to `SQLite`, which determines the latter itself.
pub fn repair(file: &mut File, size: usize) -> io::Result<()> {
    let mut page = vec![0; size];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut page)?;
    write_header(&mut page[..HEADER], size);
    let pages = file.metadata()?.len() / size as u64;
    if !is_root(&page, pages)
        && let Some(root) = root_of(&leaves(file, size)?, size)
    {
        page[HEADER..].copy_from_slice(&root[HEADER..]);
    }
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&page)?;
    file.sync_all()
}

fn page_size(header: &[u8]) -> Option<usize> {
    match be_u16(header, 16)? {
        1 => Some(1 << 16),
        size if size >= 512 && size.is_power_of_two() => Some(size.into()),
        _ => None,
    }
}

fn write_header(header: &mut [u8], size: usize) {
    let page_size = u16::try_from(size).unwrap_or(1);
    header[..16].copy_from_slice(MAGIC);
    header[16..18].copy_from_slice(&page_size.to_be_bytes());
    if header[18] != header[19] || ![1, 2].contains(&header[18]) {
        // With a write-ahead log, if there is one.
        header[18..20].fill(2);
    }
    header[20..24].copy_from_slice(&[0, 64, 32, 32]);
    // The size in pages, the freelist, and fields that only vacuuming and newer versions use.
    for unknown in [28..40, 52..56, 64..68, 72..92] {
        header[unknown].fill(0);
    }
    let newest = u32::try_from(schema::VERSION).unwrap_or(u32::MAX);
    // Schema format and text encoding (UTF-8), which are the same in all versions; schema version.
    for (at, valid, usual) in [(44, 4..=4, 4), (56, 1..=1, 1), (60, 1..=newest, newest)] {
        if !be_u32(header, at).is_some_and(|known| valid.contains(&known)) {
            header[at..at + 4].copy_from_slice(&usual.to_be_bytes());
        }
    }
    header[68..72].copy_from_slice(&schema::APPLICATION.to_be_bytes());
}

/// Whether the first page is a table page.
fn is_root(page: &[u8], pages: u64) -> bool {
    let root = &page[HEADER..];
    match root.first() {
        Some(&LEAF) => rows(page, HEADER).is_some(),
        Some(&INTERIOR) => {
            let last = be_u32(root, 8).map(u64::from);
            last.is_some_and(|last| (2..=pages).contains(&last))
        }
        _ => false,
    }
}

/// A leaf page with table definitions: its number, and its first and last row ids.
type Leaf = (u32, i64, i64);

/// All such pages after the first page, in the order of their rows.
fn leaves(file: &mut File, size: usize) -> io::Result<Vec<Leaf>> {
    let mut found: Vec<Leaf> = Vec::new();
    let (mut page, mut number) = (vec![0; size], 1);
    file.seek(SeekFrom::Start(size as u64))?;
    while file.read_exact(&mut page).is_ok() {
        number += 1;
        let rows = rows(&page, 0).unwrap_or_default();
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            found.push((number, *first, *last));
        }
    }
    found.sort_by_key(|(_, first, _)| *first);
    // A freed page may hold the same rows as a page in use.
    let mut end = i64::MIN;
    found.retain(|(_, first, last)| {
        let follows = *first > end;
        end = if follows { *last } else { end };
        follows
    });
    Ok(found)
}

/// The row ids of a page, if all of its rows define tables, indexes or triggers.
fn rows(page: &[u8], start: usize) -> Option<Vec<i64>> {
    let header = page.get(start..)?;
    let count = usize::from(be_u16(header, 3)?);
    if *header.first()? != LEAF || count == 0 {
        return None;
    }
    let cell = |number: usize| row(page.get(usize::from(be_u16(header, 8 + 2 * number)?)..)?);
    let rows: Vec<i64> = (0..count).map(cell).collect::<Option<_>>()?;
    rows.is_sorted().then_some(rows)
}

/// The id of a row that is a definition: type, name, table, page, SQL.
fn row(cell: &[u8]) -> Option<i64> {
    let (_, cell) = varint(cell)?;
    let (id, record) = varint(cell)?;
    let (length, _) = varint(record)?;
    let length = usize::try_from(length).ok()?;
    let (_, mut types) = varint(record.get(..length)?)?;
    let mut columns = Vec::new();
    while !types.is_empty() {
        let (column, rest) = varint(types)?;
        columns.push(column);
        types = rest;
    }
    let kind = columns.first()?.checked_sub(13)? / 2;
    let kind = record.get(length..)?.get(..usize::try_from(kind).ok()?)?;
    let defines = [&b"table"[..], b"index", b"trigger"].contains(&kind);
    (columns.len() == 5 && defines).then(|| i64::try_from(id).ok())?
}

/// Builds a first page that points to these leaf pages.
fn root_of(leaves: &[Leaf], size: usize) -> Option<Vec<u8>> {
    let (rightmost, before) = leaves.split_last()?;
    let mut page = vec![0; size];
    let mut end = size;
    for (number, (leaf, _, last)) in before.iter().enumerate() {
        let mut cell = leaf.to_be_bytes().to_vec();
        cell.extend(short_varint(*last)?);
        end = end.checked_sub(cell.len())?;
        page[end..end + cell.len()].copy_from_slice(&cell);
        let pointer = HEADER + INTERIOR_HEADER + 2 * number;
        let place = page.get_mut(pointer..pointer + 2)?;
        place.copy_from_slice(&u16::try_from(end).ok()?.to_be_bytes());
    }
    page[HEADER] = INTERIOR;
    let count = u16::try_from(before.len()).ok()?;
    page[HEADER + 3..HEADER + 5].copy_from_slice(&count.to_be_bytes());
    let content = u16::try_from(end).unwrap_or(0);
    page[HEADER + 5..HEADER + 7].copy_from_slice(&content.to_be_bytes());
    page[HEADER + 8..HEADER + 12].copy_from_slice(&rightmost.0.to_be_bytes());
    Some(page)
}

/// Encodes a number below 2^14, which covers the possible number of definitions.
fn short_varint(number: i64) -> Option<Vec<u8>> {
    let [low, high] = u16::try_from(number).ok()?.to_le_bytes();
    let high = high << 1 | low >> 7;
    match high {
        0 => Some(vec![low]),
        1..128 => Some(vec![high | 0x80, low & 0x7f]),
        _ => None,
    }
}

/// Decodes a varint of up to nine bytes; returns it and the remaining bytes.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for at in 0..8 {
        let byte = *bytes.get(at)?;
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    Some((number << 8 | u64::from(*bytes.get(8)?), &bytes[9..]))
}

fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes(two.try_into().ok()?))
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}
