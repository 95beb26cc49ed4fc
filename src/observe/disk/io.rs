//! Reads and writes of block devices.

use crate::observe::view::DiskView;

/// The kernel's unit in bytes, regardless of the device's sector size.
const SECTOR: u64 = 512;

/// The devices that were used.
pub(super) fn parse(diskstats: &str) -> Vec<DiskView> {
    let used = |disk: &DiskView| disk.reads + disk.writes > 0;
    diskstats.lines().filter_map(device).filter(used).collect()
}

/// Parses `254 0 vda 4732054 86633 195226418 11940053 1868907 978145 612655776 6656017 0 865488
/// 19146242 ...`.
fn device(line: &str) -> Option<DiskView> {
    let mut words = line.split_whitespace().skip(2);
    let device = words.next()?.to_owned();
    let mut numbers = words.map(|word| word.parse().ok());
    let numbers: [Option<u64>; 11] = std::array::from_fn(|_| numbers.next().flatten());
    let [
        reads,
        _,
        read,
        _,
        writes,
        _,
        written,
        _,
        _,
        busy_ms,
        waited_ms,
    ] = numbers;
    let seconds = |ms: u64| ms as f64 / 1000.0;
    Some(DiskView {
        device,
        reads: reads?,
        writes: writes?,
        read_bytes: read?.saturating_mul(SECTOR),
        written_bytes: written?.saturating_mul(SECTOR),
        io_seconds: seconds(busy_ms?),
        weighted_io_seconds: seconds(waited_ms?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_matches_its_series() {
        let text = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n\
             254       0 vda 11 2 30 4 55 6 70 8 9 10500 11250 12 13 14 15 16 17\n\
             8 0 sda 1 2 3\n8 1 odd 1 2 x 4 5 6 7 8 9 10 11\nshort\n\
             8 2 huge 1 0 18446744073709551615 0 1 0 18446744073709551616 0 0 0 0\n";
        let disks = parse(text);
        let [vda] = &disks[..] else {
            panic!("{disks:?}");
        };
        assert_eq!(
            (vda.device.as_str(), vda.reads, vda.writes),
            ("vda", 11, 55)
        );
        assert_eq!((vda.read_bytes, vda.written_bytes), (30 * 512, 70 * 512));
        assert_eq!((vda.io_seconds, vda.weighted_io_seconds), (10.5, 11.25));
    }
}
