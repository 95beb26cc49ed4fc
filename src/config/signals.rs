//! Reads which warning signs are enabled, and their thresholds.

use super::keys;
use super::keys::signals::{self as key, Sign};
use crate::signal::kinds::OF_HOST;
use crate::signal::threshold::{Side, Threshold, Unit};
use crate::signal::{Level, Settings, SignalKind};
use crate::units;
use crate::yaml::{Key, Mapping, Section, Text, Value};

/// The settings of the root.
pub(super) fn read(root: &Section<'_>) -> Option<Settings> {
    merged(root, &keys::SIGNALS, &Settings::default(), &[])
}

/// The settings of a service, merged into those of the root.
pub(super) fn read_own(service: &Section<'_>, root: &Settings) -> Option<Settings> {
    merged(service, &keys::service::SIGNALS, root, &OF_HOST)
}

/// The settings of a section, merged into those of `from`. Settings of the `others` are errors.
fn merged(
    parent: &Section<'_>,
    at: &Key<Mapping>,
    from: &Settings,
    others: &[&SignalKind],
) -> Option<Settings> {
    if !parent.has(at) {
        return Some(from.clone());
    }
    let section = parent.section(at)?;
    let mut settings = from.clone();
    let mut is_valid = true;
    let given: Vec<_> = key::SIGNS
        .iter()
        .filter(|sign| section.has(*sign))
        .collect();
    for (at, sign) in given.iter().enumerate() {
        let kind = sign.form.0;
        if let Some(same) = given[..at].iter().find(|other| other.form.0 == kind) {
            let message = format!("`{}` is the same sign as `{}`", sign.name, same.name);
            section.error("duplicate-key", *sign, message, "remove one of them");
            is_valid = false;
        } else if others.contains(&kind) {
            let message = format!("`{}` is about the host, not about a service", sign.name);
            let help = "set it in the `signals` of the whole config";
            section.error("conflict", *sign, message, help);
        } else {
            is_valid &= take(&section, sign, &mut settings).is_some();
        }
    }
    is_valid.then_some(settings)
}

fn take(section: &Section<'_>, sign: &Key<Sign>, settings: &mut Settings) -> Option<()> {
    let (kind, node) = (sign.form.0, section.node_of(sign)?);
    if let (Value::Map(_), Some(known)) = (&node.value, kind.threshold) {
        let path = section.spot_of(sign).path;
        let reader = section.reader();
        let keys = key::threshold_keys(&known);
        let section = reader.section(node, &path, keys)?;
        let pending = section.has(&key::FOR).then(|| section.get(&key::FOR));
        let (begin, end) = key::keys_of(&known);
        if section.has(begin) || end.is_some_and(|end| section.has(end)) {
            let level = level(&section, &known, settings.level(kind))?;
            settings.levels.insert(kind.name, level);
        }
        if let Some(pending) = pending {
            settings.pending.insert(kind.name, pending?);
        }
        settings.off.remove(kind.name);
    } else if section.get(sign)? {
        settings.off.remove(kind.name);
    } else {
        settings.off.insert(kind.name);
    }
    Some(())
}

/// The level of a sign. Values that the section lacks are `inherited`, but if only `begins` changes, `ends`
/// changes in proportion.
fn level(section: &Section<'_>, known: &Threshold, inherited: Level) -> Option<Level> {
    let (begin, end) = key::keys_of(known);
    let written = end.filter(|end| section.has(*end));
    let ends = written.map(|end| value(section, end, known));
    let begins = if section.has(begin) {
        value(section, begin, known)?
    } else {
        inherited.begins
    };
    let in_proportion = begins * known.default.ends / known.default.begins;
    let ends = match ends {
        Some(ends) => ends?,
        None if !section.has(begin) => inherited.ends,
        None => in_proportion.clamp(known.least.min(begins), known.most.max(begins)),
    };
    let is_other_side = match known.side {
        Side::Above => ends <= begins,
        Side::Below => ends >= begins,
    };
    if let Some(end) = end.filter(|_| !is_other_side) {
        let message = format!(
            "the sign would clear at {} but begin at {}",
            key::format_threshold(known, ends),
            key::format_threshold(known, begins)
        );
        let side = match known.side {
            Side::Above => "at most",
            Side::Below => "at least",
        };
        section.error(
            "conflict",
            end,
            message,
            format!("expected {side} `{}`", begin.name),
        );
        return None;
    }
    Some(Level { begins, ends })
}

fn value(section: &Section<'_>, at: &Key<Text>, known: &Threshold) -> Option<f64> {
    let expected = match known.unit {
        Unit::Share => "a ratio such as 80% or 0.8",
        Unit::Count => "an integer",
        Unit::Span => "a duration such as 12h or 14d",
    };
    let value = section.parse(at, expected, |text| parsed(text, known.unit))?;
    if !(known.least..=known.most).contains(&value) {
        let message = format!("{} is out of range", key::format_threshold(known, value));
        let (least, most) = (
            key::format_threshold(known, known.least),
            key::format_threshold(known, known.most),
        );
        section.error(
            "out-of-range",
            at,
            message,
            format!("expected {least} to {most}"),
        );
        return None;
    }
    Some(value)
}

fn parsed(text: &str, unit: Unit) -> Option<f64> {
    match unit {
        Unit::Share => units::share(text),
        Unit::Count => units::integer(text).map(|count| count as f64),
        Unit::Span => units::duration(text).map(|span| span.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use crate::alert::AlertKey;
    use crate::config::Config;
    use crate::diagnostic::Diagnostic;
    use crate::signal::kinds;

    fn load(signals: &str, own: &str) -> Result<Config, String> {
        let text = format!(
            "signals: {signals}\nservices:\n  - {{ name: app, signals: {own}, probes: [ {{ name: p, http: {{ url: 'http://127.0.0.1:1/' }} }} ] }}\n"
        );
        text.parse().map_err(|errors: Vec<Diagnostic>| {
            let errors = errors.into_iter().map(|one| {
                let help = one.help.unwrap_or_default();
                format!("{}: {} ({help})", one.path, one.message)
            });
            errors.collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn a_service_inherits_the_root_settings() {
        let config = load(
            "{ cpu_high: { above: 90% }, restarted: false, rate_limit_near: { below: 20% } }",
            "{ cpu_high: { above: 95%, clear_below: 94% }, restarted: true, certificate_ending: { below: 30d } }",
        )
        .expect("valid");
        let level = |settings: &crate::signal::Settings, kind| {
            let level = settings.level(kind);
            (level.begins, level.ends)
        };
        let all = &config.signals;
        let (begins, ends) = level(all, &kinds::CPU_HIGH);
        assert!(
            (begins - 0.9).abs() < 1e-9 && (ends - 0.7875).abs() < 1e-9,
            "{ends}"
        );
        let (begins, ends) = level(all, &kinds::RATE_LIMIT_NEAR);
        assert!(
            (begins - 0.2).abs() < 1e-9 && (ends - 0.3).abs() < 1e-9,
            "{ends}"
        );
        assert!(!all.is_on(&kinds::RESTARTED));
        let own = &config.services[0].signals;
        assert_eq!(level(own, &kinds::CPU_HIGH), (0.95, 0.94));
        let half = load(
            "{ cpu_high: { above: 90% } }",
            "{ cpu_high: { clear_below: 60% } }",
        );
        let half = half.expect("valid");
        let own = level(&half.services[0].signals, &kinds::CPU_HIGH);
        assert_eq!(own, (0.9, 0.6), "`above` is the root's");
        let own = &config.services[0].signals;
        assert!(own.is_on(&kinds::RESTARTED));
        let (begins, _) = level(own, &kinds::CERTIFICATE_ENDING);
        assert!((begins - 30.0 * 86_400.0).abs() < 1e-6, "{begins}");
        let (begins, _) = level(own, &kinds::RATE_LIMIT_NEAR);
        assert!((begins - 0.2).abs() < 1e-9, "{begins}");
    }

    #[test]
    fn signs_have_short_names_and_times_of_their_own() {
        let config = load(
            "{ leak: { above: 10% }, cpu: { above: 85%, for: 3m }, certificate_ending: { for: 1h } }",
            "{ cpu: { for: 10m }, restarted: { for: 0s } }",
        );
        let config = config.expect("valid");
        let all = &config.signals;
        let begins = |kind| all.level(kind).begins;
        assert_eq!(
            (begins(&kinds::MEMORY_GROWING), begins(&kinds::CPU_HIGH)),
            (0.1, 0.85)
        );
        let has_level = all.levels.contains_key(kinds::CERTIFICATE_ENDING.name);
        assert!(!has_level, "the default depends on the certificate");
        let timing = |service: &str, kind: &crate::signal::SignalKind| {
            let key = AlertKey::sign(service.into(), kind.name.into(), "".into());
            config.alerts.signs.of(&key)
        };
        let minutes = |service, kind| timing(service, kind).pending.as_secs() / 60;
        assert_eq!(minutes("", &kinds::CPU_HIGH), 3);
        assert_eq!(minutes("app", &kinds::CPU_HIGH), 10);
        assert_eq!(minutes("app", &kinds::RESTARTED), 0);
        assert_eq!(minutes("app", &kinds::CERTIFICATE_ENDING), 60);
        assert_eq!(minutes("app", &kinds::LOAD_HIGH), 2, "the default");
        assert_eq!(timing("app", &kinds::CPU_HIGH).confirmations, 2);
    }

    #[test]
    fn errors_say_what_is_valid() {
        for (signals, expected) in [
            (
                "{ cpu_high: { above: 120% } }",
                "signals.cpu_high.above: 120% is out of range (expected 1% to 100%)",
            ),
            (
                "{ cpu_high: { above: 80%, clear_below: 85% } }",
                "signals.cpu_high.clear_below: the sign would clear at 85% but begin at 80% (expected at most `above`)",
            ),
            (
                "{ cpu_high: { below: 80% } }",
                "signals.cpu_high.below: unknown key `below`",
            ),
            (
                "{ cpu_high: maybe }",
                "expected true, false, or { above: 80%, clear_below: 70% }",
            ),
            (
                "{ connection_timeouts: { above: 0 } }",
                "0 is out of range (expected 1 to 1000000)",
            ),
            (
                "{ certificate_ending: { below: soon } }",
                "expected a duration such as 12h or 14d",
            ),
            ("{ cpu_hihg: false }", "did you mean `cpu_high`?"),
            (
                "{ cpu_high: false, cpu: { above: 90% } }",
                "signals.cpu: `cpu` is the same sign as `cpu_high` (remove one of them)",
            ),
            (
                "{ cpu: { for: 2d } }",
                "signals.cpu.for: 2d is too long (expected 0s to 1d)",
            ),
        ] {
            let found = load(signals, "{}").expect_err("invalid");
            assert!(found.contains(expected), "{found}\nlacks\n{expected}");
        }
        let found = load("{}", "{ disk_full_soon: { below: 3d } }").expect_err("no effect");
        let expected = "signals.disk_full_soon: `disk_full_soon` is about the host";
        assert!(found.contains(expected), "{found}");
    }
}
