use super::*;

#[test]
fn names_are_unique_and_every_kind_is_a_key() {
    let mut names: Vec<_> = KINDS.iter().map(|kind| kind.key.name).collect();
    for name in &names {
        assert!(KEYS.iter().any(|key| key.name() == *name), "{name}");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KINDS.len());
}
