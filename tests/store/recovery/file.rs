//! Damaged bytes of a store's file.

use super::*;

/// Overwrites one page after another: the result is a store, never a panic.
#[test]
fn recovery_yields_a_store_whichever_page_is_damaged() {
    let sound = DamagedStore::new().bytes();
    for page in 0..sound.len() / PAGE {
        let mut bytes = sound.clone();
        bytes[page * PAGE..page * PAGE + 200].fill(0xa5);
        let damaged = DamagedStore::of(&bytes);
        // An unused page may contain anything.
        let before = check(&damaged.path);
        let is_sound = before.as_ref().is_ok_and(Checked::sound);
        match damaged.recover() {
            Ok(_) => {
                let (checked, kept) = (damaged.checked(), damaged.kept());
                let left = kept.0 + kept.1;
                assert!(left <= 3000 && (left == 3000 || !is_sound), "page {page}");
                assert!(checked.probes <= 2, "page {page}: {:?}", checked.faults);
            }
            // Without the pages that identify the file and its tables, nothing is found.
            Err(error) => {
                let cannot_be_opened = before.is_ok_and(|checked| {
                    let first = checked.faults.first();
                    first.is_some_and(|fault| fault.starts_with("it cannot be opened"))
                });
                assert!(page == 0 || cannot_be_opened, "page {page}: {error}");
                assert!(damaged.bytes() == bytes, "it stays as it was");
            }
        }
    }
}

/// If nothing else is left either, the file stays in place.
#[test]
fn without_the_names_of_probes_all_outcomes_are_reported_as_lost() {
    for with_alert in [true, false] {
        let damaged = DamagedStore::new();
        if with_alert {
            let mut store = Store::open(&damaged.path).expect("a store");
            store.keep_alerts(&[alert()], &[]).expect("kept");
        }
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'probe'";
        let root = damaged.connection().query_row(root, [], |row| row.get(0));
        let root: i64 = root.expect("there");
        let mut bytes = damaged.bytes();
        let start = usize::try_from(root - 1).expect("positive") * PAGE;
        bytes[start..start + PAGE].fill(0xa5);
        fs::write(&damaged.path, &bytes).expect("written");
        if with_alert {
            let recovered = damaged.recovered();
            assert_eq!((recovered.hours, recovered.outcomes), (0, 0));
            let lost = recovered.lost();
            assert!(lost.starts_with("Lost: all outcomes: "), "{lost}");
        } else {
            let error = damaged.recover().expect_err("refused").to_string();
            assert!(error.contains("nothing in it can be read"), "{error}");
            assert!(damaged.bytes() == bytes);
        }
    }
}

#[test]
fn a_truncated_file_keeps_the_remaining_data() {
    let whole = DamagedStore::in_one_file().bytes();
    for cut in [1, PAGE, 2 * PAGE + 17] {
        let damaged = DamagedStore::of(&whole[..whole.len() - cut]);
        let recovered = damaged.recovered();
        assert_eq!(recovered.probes, 2, "{cut} bytes short");
        assert!(!recovered.nameless);
        assert!(recovered.gaps > 0 || cut == 1, "a lost page is reported");
        let hours = recovered.hours + recovered.hours_counts_only;
        assert!(hours >= 6, "{recovered:?}");
        damaged.assert_sound();
    }
}

#[test]
fn no_data_is_lost_with_an_overwritten_header() {
    // The format name, the whole header, and that of the first page.
    for overwritten in [16, 100, 112, 200] {
        for damaged in [DamagedStore::in_one_file(), DamagedStore::new()] {
            let mut bytes = damaged.bytes();
            bytes[..overwritten].fill(b'x');
            fs::write(&damaged.path, &bytes).expect("written");
            let found = damaged.recovered();
            assert_eq!(found.lost(), "Nothing was lost.", "{overwritten} bytes");
            assert_eq!(damaged.kept(), (1500, 1500));
            damaged.assert_sound();
            assert!(fs::read(&found.damaged).expect("there") == bytes);
        }
    }
}

/// Changes one byte of the header after another. A version newer than any known one is not damage.
#[test]
fn no_data_is_lost_with_a_wrong_byte_in_the_header() {
    let sound = DamagedStore::in_one_file().bytes();
    for (at, wrong) in (0..100).flat_map(|at| [(at, 2), (at, 0xff)]) {
        let mut bytes = sound.clone();
        bytes[at] = wrong;
        let damaged = DamagedStore::of(&bytes);
        match damaged.recover() {
            Ok(_) => assert_eq!(damaged.kept(), (1500, 1500), "{at} {wrong}"),
            Err(error) => {
                assert!((60..64).contains(&at), "{at} {wrong}: {error}");
                assert!(matches!(error, StoreError::Newer { .. }), "{error}");
                assert!(damaged.bytes() == bytes);
            }
        }
    }
}

#[test]
fn a_file_without_a_readable_page_is_left_in_place() {
    let text = "some notes, and no store at all\n".repeat(300);
    let damaged = DamagedStore::of(text.as_bytes());
    let error = damaged.recover().expect_err("refused").to_string();
    assert!(error.contains("restore a backup"), "{error}");
    assert!(damaged.bytes() == text.as_bytes());
    assert_eq!(
        fs::read_dir(damaged.folder.path()).expect("there").count(),
        2
    );
}

#[test]
fn an_empty_file_is_not_a_store() {
    let error = DamagedStore::of(&[]).recover().expect_err("refused");
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}

/// A damaged name in the schema is that of one column; it is not even text.
#[test]
fn a_column_with_a_damaged_name_is_left_out() {
    for (name, corrections) in [("taken_back_at", 1), ("made_at", 0)] {
        let damaged = DamagedStore::in_one_file();
        let sql = INVALID_CORRECTION.replace("9, 5", "5, 9");
        let inserted = damaged.connection().execute(&sql, []);
        inserted.expect("valid");
        let mut bytes = damaged.bytes();
        let places: Vec<_> = bytes
            .windows(name.len())
            .enumerate()
            .filter(|(_, part)| *part == name.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for at in places {
            bytes[at..at + name.len()].fill(0xfb);
        }
        fs::write(&damaged.path, &bytes).expect("written");
        let recovered = damaged.recovered();
        assert_eq!(recovered.corrections, corrections, "{name}");
        assert_eq!(damaged.kept(), (1500, 1500), "{name}");
    }
}
