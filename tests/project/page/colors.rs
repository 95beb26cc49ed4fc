//! The colors of both themes have enough contrast.

use slod::web::page::style::STYLE;
use std::collections::BTreeMap;

/// The custom properties of one theme.
fn theme(block: &str) -> BTreeMap<&str, &str> {
    let declarations = block.split([';', '{', '\n']);
    declarations
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": "))
        .collect()
}

/// The contrast ratio of WCAG 2.2.
fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(color: &str) -> f64 {
    let channel = |at: usize| {
        let byte = u8::from_str_radix(&color[at..at + 2], 16).expect("a hexadecimal color");
        let c = f64::from(byte) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn both_themes_have_enough_contrast() {
    let (light, rest) = STYLE
        .split_once("@media (prefers-color-scheme: dark)")
        .expect("both themes");
    let dark = rest.split_once("*, ::before").expect("rules follow").0;
    let (light, dark) = (theme(light), theme(dark));
    assert!(
        light.keys().eq(dark.keys()),
        "both themes declare the same names"
    );
    for theme in [light, dark] {
        let check = |front: &str, back: &str, least: f64| {
            let ratio = contrast(theme[front], theme[back]);
            assert!(ratio >= least, "{front} on {back}: {ratio:.2} < {least}");
        };
        let tints = ["ok-tint", "warn-tint", "bad-tint", "idle-tint"];
        for back in ["page", "card"].into_iter().chain(tints) {
            for front in ["ink", "quiet", "link"] {
                check(front, back, 4.5);
            }
        }
        for tone in ["ok", "warn", "bad", "idle"] {
            for back in ["page", "card", &format!("{tone}-tint")] {
                check(tone, back, 4.5);
            }
        }
        for bar in ["ok", "warn", "bad", "idle", "corrected"] {
            check(&format!("{bar}-bar"), "card", 3.0);
            check(&format!("{bar}-bar"), "page", 3.0);
        }
    }
}
