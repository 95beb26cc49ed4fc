use super::*;
use crate::stats::normal::{Z_975, two_sided};
use proptest::prelude::*;

fn theil_sen(points: &[(f64, f64)], z: f64) -> Option<Slope> {
    Some(PairSlopes::of(points)?.interval(z))
}

/// Sen (1968), page 1384.
#[test]
fn the_slope_matches_the_example_of_sen() {
    let times = [1.0, 2.0, 3.0, 4.0, 10.0, 12.0, 18.0];
    let values = [9.0, 15.0, 19.0, 20.0, 45.0, 55.0, 78.0];
    let points: Vec<(f64, f64)> = times.into_iter().zip(values).collect();
    // The normal quantile of 0.965: an interval of 93%.
    let found = theil_sen(&points, 1.811_910_672_952_597_8).unwrap();
    assert_eq!(MannKendall::of(&values).unwrap().s, 21);
    assert_eq!(found.slope, 4.0);
    assert!((found.low - 26.0 / 7.0).abs() < 1e-12, "{found:?}");
    assert!((found.high - 35.0 / 8.0).abs() < 1e-12, "{found:?}");
}

/// Annual flow of the Nile at Aswan, 1871 to 1970 (the R data set `Nile`).
const NILE: [f64; 100] = [
    1120., 1160., 963., 1210., 1160., 1160., 813., 1230., 1370., 1140., 995., 935., 1110., 994.,
    1020., 960., 1180., 799., 958., 1140., 1100., 1210., 1150., 1250., 1260., 1220., 1030., 1100.,
    774., 840., 874., 694., 940., 833., 701., 916., 692., 1020., 1050., 969., 831., 726., 456.,
    824., 702., 1120., 1100., 832., 764., 821., 768., 845., 864., 862., 698., 845., 744., 796.,
    1040., 759., 781., 865., 845., 944., 984., 897., 822., 1010., 771., 676., 649., 846., 812.,
    742., 801., 1040., 860., 874., 848., 890., 744., 749., 838., 1050., 918., 986., 797., 923.,
    975., 815., 1020., 906., 901., 1170., 912., 746., 919., 718., 714., 740.,
];

#[test]
fn the_trend_of_the_nile_matches_published_values() {
    assert!((NILE.iter().sum::<f64>() / 100.0 - 919.35).abs() < 1e-9);
    let found = MannKendall::of(&NILE).unwrap();
    assert_eq!(found.s, -1387);
    assert!((found.variance - 112_728.333).abs() < 1e-3);
    assert!((found.z() + 4.128_07).abs() < 1e-5, "{}", found.z());
    assert!((two_sided(found.z()) - 3.658e-5).abs() < 1e-8);
    assert!((found.tau + 0.280_74).abs() < 1e-5, "{}", found.tau);
    let points: Vec<(f64, f64)> = (0..100_u32).map(f64::from).zip(NILE).collect();
    let slope = theil_sen(&points, Z_975).unwrap();
    assert!((slope.slope + 2.6).abs() < 1e-9, "{slope:?}");
    assert!((slope.low + 3.628).abs() < 1e-3, "{slope:?}");
    assert!((slope.high + 1.429).abs() < 1e-3, "{slope:?}");
}

#[test]
fn too_few_or_constant_values_have_no_trend() {
    assert_eq!(MannKendall::of(&[1.0]), None);
    assert_eq!(MannKendall::of(&[1.0, f64::NAN]), None);
    assert_eq!(MannKendall::of(&vec![1.0; MAX_POINTS + 1]), None);
    assert_eq!(theil_sen(&[(0.0, 1.0)], Z_975), None);
    assert_eq!(theil_sen(&[(3.0, 1.0), (3.0, 2.0)], Z_975), None);
    let constant = MannKendall::of(&[7.0; 50]).unwrap();
    assert_eq!((constant.s, constant.z(), constant.tau), (0, 0.0, 0.0));
}

proptest! {
    #[test]
    fn agrees_with_counting(values in prop::collection::vec(-5_i32..5, 2..60)) {
        let floats: Vec<f64> = values.iter().copied().map(f64::from).collect();
        let found = MannKendall::of(&floats).unwrap();
        let n = values.len();
        let mut s = 0_i64;
        for i in 0..n {
            for j in i + 1..n {
                s += i64::from((values[j] - values[i]).signum());
            }
        }
        let mut variance = (n * (n - 1) * (2 * n + 5)) as f64;
        for value in -5..5 {
            let t = values.iter().filter(|v| **v == value).count();
            variance -= (t * t.saturating_sub(1) * (2 * t + 5)) as f64;
        }
        prop_assert_eq!(found.s, s);
        prop_assert!((found.variance - variance / 18.0).abs() < 1e-9);
        prop_assert!(found.tau.abs() <= 1.0 + 1e-12 && found.z().is_finite());
    }

    /// Times with gaps, as caused by missing windows.
    #[test]
    fn slopes_agree_with_sorting_all_of_them(
        steps in prop::collection::vec((1_u32..4, -50_i32..50), 2..40),
        z in 0.0_f64..4.0,
    ) {
        let mut at = 0;
        let points: Vec<(f64, f64)> = steps.iter().map(|(step, value)| {
            at += step;
            (f64::from(at), f64::from(*value))
        }).collect();
        let mut slopes = Vec::new();
        for (i, (t0, v0)) in points.iter().enumerate() {
            slopes.extend(points[i + 1..].iter().map(|(t1, v1)| (v1 - v0) / (t1 - t0)));
        }
        slopes.sort_by(f64::total_cmp);
        let n = slopes.len();
        let found = theil_sen(&points, z).unwrap();
        let middle = f64::midpoint(slopes[(n - 1) / 2], slopes[n / 2]);
        prop_assert_eq!(found.slope, middle);
        prop_assert!(found.low <= found.slope && found.slope <= found.high);
        prop_assert!(slopes.contains(&found.low) && slopes.contains(&found.high));
        // The number of slopes within the interval agrees with the variance.
        let inside = slopes.iter().filter(|s| **s > found.low && **s < found.high).count();
        let values: Vec<f64> = points.iter().map(|(_, v)| *v).collect();
        let wanted = z * MannKendall::of(&values).unwrap().variance.max(0.0).sqrt();
        prop_assert!(inside as f64 <= wanted + 2.0);
    }

    #[test]
    fn trends_of_any_numbers_are_finite(values in prop::collection::vec(any::<f64>(), 0..40)) {
        let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(t, v)| (t as f64, *v)).collect();
        if let Some(found) = MannKendall::of(&values) {
            prop_assert!(found.z().is_finite() && found.variance >= 0.0);
        }
        if let Some(found) = theil_sen(&points, Z_975) {
            prop_assert!(found.low <= found.slope && found.slope <= found.high);
        }
    }
}
