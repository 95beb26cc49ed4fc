//! Corrections that are added and revoked at runtime.

use super::*;
use slod::slo::correction::Correction;

#[test]
fn revoked_corrections_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("slod.db")).expect("a store");
    let new = Correction {
        author: "sre".to_owned(),
        ..Correction::once(Timestamp(START), Timestamp(START + HOUR), "maintenance")
    };
    let stays = store.add_correction(&new, Timestamp(START)).expect("kept");
    for number in 0..1010 {
        let at = Timestamp(START + number);
        let added = store.add_correction(&new, at).expect("kept");
        assert!(store.revoke_correction(&added.id, at).expect("written"));
    }
    let revoked = store.revoked_corrections().expect("readable");
    assert_eq!(revoked.len(), 1000);
    assert_eq!(revoked[0].1, Timestamp(START + 10), "the newest");
    store
        .expire_corrections(Timestamp(START + 1009))
        .expect("written");
    assert_eq!(store.revoked_corrections().expect("readable").len(), 1);
    assert_eq!(store.corrections().expect("readable"), [stays]);
}
