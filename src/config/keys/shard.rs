//! The form of a shard.

use crate::config::shard::Shard;
use crate::units;
use crate::yaml::{Form, OutOfRange, Scalar};

/// Maximum number of shards.
const MAX: u32 = 1000;

/// `2/5`, `slod-1/5`
#[derive(Clone, Copy, Debug)]
pub struct ShardForm;

impl Form for ShardForm {
    fn describe(&self) -> String {
        format!("number/count, or pod/count, up to {MAX}")
    }
}

impl Scalar for ShardForm {
    type Value = Shard;

    fn expected(&self, _: &str) -> String {
        "a shard such as 2/5, or the name of a StatefulSet's pod in place of the number, such as slod-1/5"
            .to_owned()
    }

    fn parse(&self, text: &str) -> Option<Shard> {
        let (which, count) = text.split_once('/')?;
        let integer = |text: &str| u32::try_from(units::integer(text)?).ok();
        let number = match which.rsplit_once('-') {
            // The ordinals of pods start at 0.
            Some((set, ordinal)) if !set.is_empty() => integer(ordinal)?.checked_add(1)?,
            _ => integer(which)?,
        };
        let count = integer(count)?;
        Some(Shard { number, count })
    }

    fn check(&self, shard: &Shard) -> Result<(), OutOfRange> {
        let Shard { number, count } = *shard;
        if (1..=count).contains(&number) && count <= MAX {
            return Ok(());
        }
        let (message, help) = if !(1..=MAX).contains(&count) {
            (
                format!("{count} is not a valid number of shards"),
                format!("expected 1 to {MAX}"),
            )
        } else if number == 0 {
            (
                "shards are numbered from 1".to_owned(),
                format!(
                    "expected 1/{count} to {count}/{count}; for a StatefulSet, use the name of the pod in place of its number"
                ),
            )
        } else {
            (
                format!("there is no shard {number} of {count}"),
                format!(
                    "expected 1/{count} to {count}/{count}, or pods with the ordinals 0 to {}",
                    count - 1
                ),
            )
        };
        Err(OutOfRange { message, help })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_number_or_the_ordinal_of_a_pod() {
        let parse = |text| ShardForm.parse(text).map(|one| (one.number, one.count));
        assert_eq!(parse("2/5"), Some((2, 5)));
        assert_eq!(parse("slod-1/5"), Some((2, 5)));
        assert_eq!(parse("slod-eu-0/3"), Some((1, 3)));
        for text in [
            "2",
            "2/",
            "/5",
            "-1/5",
            "slod/5",
            "slod-/5",
            "2/5/7",
            "slod-4294967295/5",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let check = |number, count| ShardForm.check(&Shard { number, count });
        assert_eq!(check(1, 1), Ok(()));
        assert_eq!(check(5, 5), Ok(()));
        let message = |number, count| check(number, count).map_err(|error| error.message);
        assert_eq!(message(0, 5), Err("shards are numbered from 1".to_owned()));
        assert_eq!(message(6, 5), Err("there is no shard 6 of 5".to_owned()));
        assert_eq!(
            message(1, 0),
            Err("0 is not a valid number of shards".to_owned())
        );
    }
}
