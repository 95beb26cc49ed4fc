//! Recurrence rules (RFC 5545): when a repeated correction occurs.
//!
//! The rrule crate always evaluates in UTC here: with a time zone, it skips or repeats hourly occurrences
//! at clock changes (its issue 115). A rule is evaluated in local time, and each local time is converted as
//! RFC 5545 specifies: a time that occurs twice means its first occurrence, and a skipped time is
//! interpreted with the offset before the gap. Hourly rules count elapsed hours, so they are evaluated
//! separately for each stretch of time with a constant offset.

mod parts;
mod reason;
mod zone;

pub use zone::moment;

use crate::outcome::Timestamp;
use crate::units::Tz;
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, TimeDelta};
use parts::{check_weekday, read_count, read_until};
use reason::reason;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};
use std::fmt;
use std::time::Duration;
use zone::stretches;

/// Maximum occurrences per day: one every ten minutes.
const MAX_PER_DAY: usize = 144;
/// A rule must occur within this time after its start.
const FIRST_WITHIN: Duration = Duration::from_hours(10 * 366 * 24);

/// Upper bound of a clock change.
const CHANGE_MAX: Duration = Duration::from_hours(3);

/// A recurrence rule with its start and time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    /// Without `COUNT` and `UNTIL`.
    rule: RRule<Unvalidated>,
    zone: Tz,
    start: Timestamp,
    count: Option<usize>,
    /// Exclusive.
    until: Option<Timestamp>,
    /// The end of the first occurrence, if all occurrences end at its local time.
    first_end: Option<Timestamp>,
    /// Occurrences that begin in these spans are excluded.
    except: Vec<(Timestamp, Timestamp)>,
}

/// The start of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    at: Timestamp,
    /// The local time according to the rule, even if a clock change skips it.
    local: NaiveDateTime,
}

/// The rule contains no floating-point values, so equality is reflexive.
impl Eq for Recurrence {}

/// A canonical representation: equal for equal rules.
impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, until) = (self.start.0, self.until.map(|until| until.0));
        write!(
            f,
            "{};{};{start};{:?};{until:?};",
            self.rule, self.zone, self.count
        )?;
        for (from, to) in &self.except {
            write!(f, "{}-{},", from.0, to.0)?;
        }
        if let Some(end) = self.first_end {
            write!(f, ";{}", end.0)?;
        }
        Ok(())
    }
}

impl Recurrence {
    /// Parses a rule such as `FREQ=WEEKLY;BYDAY=SU`. The error describes what is invalid.
    pub fn parse(text: &str, start: Timestamp, zone: Tz) -> Result<Self, String> {
        let text = text.trim().to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text);
        let (mut kept, mut count, mut until) = (Vec::new(), None, None);
        for part in text.split([';', '\n']).map(str::trim) {
            let Some((name, value)) = part.split_once(['=', ':']) else {
                return Err(format!(
                    "invalid part `{part}`; expected KEY=VALUE such as FREQ=WEEKLY"
                ));
            };
            match name {
                "COUNT" => count = Some(read_count(value)?),
                "UNTIL" => until = Some(read_until(value, zone)?),
                "FREQ" if value == "MINUTELY" || value == "SECONDLY" => {
                    return Err(format!(
                        "{part} is not supported: HOURLY is the shortest period"
                    ));
                }
                "DTSTART" => {
                    return Err("DTSTART is not allowed: the rule starts at `from`".to_owned());
                }
                _ if ["EXDATE", "EXRULE", "RDATE"]
                    .iter()
                    .any(|no| name.starts_with(no)) =>
                {
                    return Err(format!(
                        "{name} is not allowed: list excluded dates under `except`, and add a separate correction for each additional date"
                    ));
                }
                "BYDAY" => {
                    value.split(',').try_for_each(check_weekday)?;
                    kept.push(part);
                }
                _ => kept.push(part),
            }
        }
        if count.is_some() && until.is_some() {
            return Err("COUNT and UNTIL are mutually exclusive: remove one of them".to_owned());
        }
        let rule: RRule<Unvalidated> = kept.join(";").parse().map_err(reason)?;
        let recurrence = Self {
            rule,
            zone,
            start,
            count,
            until,
            first_end: None,
            except: Vec::new(),
        };
        recurrence.check()?;
        Ok(recurrence)
    }

    fn check(&self) -> Result<(), String> {
        let rule = self.rule.clone().validate(floating(self.local(self.start)));
        rule.map_err(reason)?;
        let per_day = self.per_day();
        if per_day > MAX_PER_DAY {
            return Err(format!(
                "the rule occurs {per_day} times a day; the maximum is {MAX_PER_DAY}"
            ));
        }
        let end = self.start.after(FIRST_WITHIN);
        let end = self.until.map_or(end, |until| until.min(end));
        if self.moments(self.start, end, 1).is_empty() {
            return Err("the rule never occurs".to_owned());
        }
        Ok(())
    }

    /// Maximum number of occurrences per day.
    pub fn per_day(&self) -> usize {
        let hours = match (self.rule.get_freq(), self.rule.get_by_hour().len()) {
            (Frequency::Hourly, 0) => 24,
            (_, hours) => hours.max(1),
        };
        let minutes = self.rule.get_by_minute().len().max(1);
        hours * minutes * self.rule.get_by_second().len().max(1)
    }

    /// Makes each occurrence end at the local time at which the first one does, even if a clock change
    /// falls into it. Occurrences of hourly rules, which count elapsed hours, keep their length.
    #[must_use]
    pub fn ends_at(mut self, first_end: Timestamp) -> Self {
        let is_hourly = self.rule.get_freq() == Frequency::Hourly;
        self.first_end = Some(first_end).filter(|_| !is_hourly);
        self
    }

    /// Excludes occurrences that begin in these spans.
    #[must_use]
    pub fn except(mut self, spans: Vec<(Timestamp, Timestamp)>) -> Self {
        self.except = spans;
        self
    }

    /// The starts of the occurrences that begin in `from..to`, in order of time.
    pub fn starts(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let starts = self.local_starts(from, to).into_iter();
        starts.map(|start| start.at).collect()
    }

    fn local_starts(&self, from: Timestamp, to: Timestamp) -> Vec<Start> {
        let from = from.max(self.start);
        let to = self.until.map_or(to, |until| until.min(to));
        if from >= to {
            return Vec::new();
        }
        let mut all = match self.count {
            // COUNT includes occurrences before `from`.
            Some(count) => self.moments(self.start, to, count),
            None => self.moments(from, to, usize::MAX),
        };
        let left_out = |at: Timestamp| {
            let mut spans = self.except.iter();
            spans.any(|(begin, end)| (*begin..*end).contains(&at))
        };
        all.retain(|start| start.at >= from && !left_out(start.at));
        all
    }

    /// The occurrences that overlap `from..to` in order of time, as start and end (exclusive). They have
    /// this length, unless they end at a local time.
    pub fn occurrences(
        &self,
        length: Duration,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<(Timestamp, Timestamp)> {
        // Occurrences that begin earlier have ended by `from`, even with a clock change.
        let earliest = match self.first_end {
            Some(_) => from.before(length + CHANGE_MAX),
            None => from.before(length),
        };
        let starts = self.local_starts(Timestamp(earliest.0.saturating_add(1)), to);
        let span = |start: Start| {
            // If a clock change skips to the end of an occurrence, it keeps its length.
            let end = self.local_end(start).filter(|end| *end > start.at);
            (start.at, end.unwrap_or_else(|| start.at.after(length)))
        };
        let all = starts.into_iter().map(span);
        all.filter(|(start, end)| end > start && *end > from)
            .collect()
    }

    /// The end of an occurrence that ends at a local time.
    fn local_end(&self, start: Start) -> Option<Timestamp> {
        let first_end = self.first_end?;
        if start.at == self.start {
            // The first occurrence ends as entered, even if its local time occurs twice.
            return Some(first_end);
        }
        let length = self.local(first_end) - self.local(self.start);
        moment(self.zone, start.local.checked_add_signed(length)?)
    }

    /// At most `count` starts in `from..to`, including excluded ones.
    fn moments(&self, from: Timestamp, to: Timestamp, count: usize) -> Vec<Start> {
        if self.rule.get_freq() == Frequency::Hourly {
            return self.hourly(from, to, count);
        }
        // A skipped local time is converted to a later moment, by up to the length of the gap.
        let (first, last) = (
            self.local(from) - TimeDelta::days(1),
            self.local(to) + TimeDelta::days(1),
        );
        let start = self.local(self.start);
        let found = self.walk(start, first).take_while(|at| *at < last);
        let inside = |start: &Start| (from..to).contains(&start.at);
        let mut all: Vec<_> = found
            .filter_map(|local| {
                // The first occurrence is as entered, even if its local time occurs twice.
                let first = (local == start).then_some(self.start);
                let at = first.or_else(|| moment(self.zone, local))?;
                Some(Start { at, local })
            })
            .filter(inside)
            .take(count)
            .collect();
        all.sort_unstable();
        // A skipped local time and a later one may be the same moment; keep the one that ends later.
        all.dedup_by(|next, kept| {
            let is_same = next.at == kept.at;
            if is_same {
                *kept = *next;
            }
            is_same
        });
        all
    }

    fn hourly(&self, from: Timestamp, to: Timestamp, count: usize) -> Vec<Start> {
        let mut all = Vec::new();
        for (begin, end, offset_ms) in stretches(self.zone, from, to) {
            if all.len() >= count {
                break;
            }
            let local = |at: Timestamp| {
                Timestamp(at.0.saturating_add(offset_ms))
                    .to_utc()
                    .naive_utc()
            };
            let found = self.walk(local(self.start), local(begin));
            let starts = found.map(|local| Start {
                at: Timestamp(local.and_utc().timestamp_millis() - offset_ms),
                local,
            });
            let inside = starts
                .skip_while(|start| start.at < begin)
                .take_while(|start| start.at < end);
            all.extend(inside.take(count - all.len()));
        }
        all
    }

    /// Occurrences in local time, starting slightly before `target`, of a rule that began at `start`.
    fn walk(
        &self,
        start: NaiveDateTime,
        target: NaiveDateTime,
    ) -> impl Iterator<Item = NaiveDateTime> {
        // Parts that the rule does not specify, such as the minute, come from its start.
        let rule = self.rule.clone().validate(floating(start)).ok();
        let first = skipped(&self.rule, start, target).unwrap_or(start);
        let walks = rule.map(|rule| RRuleSet::new(floating(first)).rrule(rule).limit());
        let all = walks.into_iter().flat_map(|walk| (&walk).into_iter());
        all.map(|at| at.naive_utc())
            .skip_while(move |at| *at < start)
    }

    fn local(&self, at: Timestamp) -> NaiveDateTime {
        at.to_utc().with_timezone(&self.zone).naive_local()
    }
}

fn floating(local: NaiveDateTime) -> DateTime<rrule::Tz> {
    local.and_utc().with_timezone(&rrule::Tz::UTC)
}

/// A start at least one period before `target` from which the rule counts the same intervals. `None` if it
/// is not after `start`.
fn skipped<S>(
    rule: &RRule<S>,
    start: NaiveDateTime,
    target: NaiveDateTime,
) -> Option<NaiveDateTime> {
    let interval = i64::from(rule.get_interval().max(1));
    // The largest multiple of the interval in the periods between the two, less one interval.
    let whole = |periods: i64| Some((periods / interval - 1) * interval).filter(|n| *n > 0);
    let since = target - start;
    let years = i64::from(target.year() - start.year());
    let months = years * 12 + i64::from(target.month0()) - i64::from(start.month0());
    let date = match rule.get_freq() {
        Frequency::Yearly => {
            let years = i32::try_from(whole(years)?).ok()?;
            NaiveDate::from_ymd_opt(start.year() + years, 1, 1)?
        }
        Frequency::Monthly => {
            let months = Months::new(u32::try_from(whole(months)?).ok()?);
            start.date().with_day(1)?.checked_add_months(months)?
        }
        Frequency::Weekly => start.date() + TimeDelta::weeks(whole(since.num_weeks())?),
        Frequency::Daily => start.date() + TimeDelta::days(whole(since.num_days())?),
        _ => return Some(start + TimeDelta::hours(whole(since.num_hours())?)),
    };
    Some(date.and_time(start.time()))
}

#[cfg(test)]
mod tests;
