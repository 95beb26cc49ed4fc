//! Imports the targets of scrape configs that use the exporter.

use super::keys::{Keys, duration, items, text};
use super::relabel::{self, Labels, Rule};
use super::target::Target;
use crate::diagnostic::Source;
use crate::import::document::{At, Document, Remarks, Spot};
use crate::units::show_duration;
use std::time::Duration;

/// Maximum number of targets in all scrape configs, about as many as a slod config can have.
const TARGETS_MAX: usize = 20_000;
/// Maximum size of the labels of all targets in bytes.
const LENGTH_MAX: usize = 64 << 20;
/// Prometheus' defaults.
const INTERVAL: Duration = Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(10);
/// The exporter subtracts this from the scrape timeout.
const OFFSET: Duration = Duration::from_millis(500);
const TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// The exporter's default module.
const DEFAULT_MODULE: &str = "http_2xx";
const PATH: &str = "/probe";
/// Labels that set the interval and timeout of a target.
const INTERVAL_LABEL: &str = "__scrape_interval__";
const TIMEOUT_LABEL: &str = "__scrape_timeout__";
/// Suffix of the keys for service discovery.
const DISCOVERY: &str = "_sd_configs";

/// Returns the files that match a pattern of `file_sd_configs`; called with the name of the file
/// and the pattern.
pub type Find<'a> = &'a dyn Fn(&str, &str) -> Result<Vec<Source>, String>;

/// A target with its module and labels.
pub(super) struct ScrapedTarget {
    pub module: String,
    pub target: Target,
    /// The value of its label `instance`.
    pub instance: String,
    /// Without labels that start with `__`.
    pub labels: Labels,
    pub pace: Pace,
}

/// All targets so far.
#[derive(Default)]
pub(super) struct Targets {
    pub all: Vec<ScrapedTarget>,
    /// The total size of their labels in bytes.
    length: usize,
}

impl Targets {
    fn add(&mut self, target: ScrapedTarget, at: At<'_>) -> Result<(), String> {
        let labels = target.labels.iter();
        let lengths = labels.map(|(name, value)| name.len() + value.len());
        self.length += lengths.sum::<usize>();
        self.all.push(target);
        let message = if self.all.len() > TARGETS_MAX {
            format!("there are more than {TARGETS_MAX} targets")
        } else if self.length > LENGTH_MAX {
            "the labels of the targets are larger than 64 MiB".to_owned()
        } else {
            return Ok(());
        };
        Err(at.fault(message, "use several configs, one for each slod instance"))
    }
}

/// The interval, and the timeout of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pace {
    pub interval: Duration,
    pub timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval: INTERVAL,
            timeout: TIMEOUT,
        }
    }
}

impl Pace {
    fn read(keys: &Keys<'_>, otherwise: Self) -> Result<Self, String> {
        let interval = keys
            .duration("scrape_interval")?
            .unwrap_or(otherwise.interval);
        let timeout = keys
            .duration("scrape_timeout")?
            .unwrap_or(otherwise.timeout);
        Ok(Self {
            interval,
            timeout: timeout.min(interval),
        })
    }

    /// The timeout of an attempt; a module may have its own timeout.
    pub fn timeout_of(self, module: Option<Duration>) -> Duration {
        let scrape = self.timeout.saturating_sub(OFFSET).max(TIMEOUT_MIN);
        let own = module.filter(|timeout| !timeout.is_zero());
        own.map_or(scrape, |own| own.min(scrape)).min(self.interval)
    }
}

/// Reads all targets of a Prometheus config file.
pub(super) fn read(
    input: &Source,
    find: Find<'_>,
    remarks: &Remarks,
    found: &mut Targets,
) -> Result<(), String> {
    for document in Document::all(input)? {
        let keys = Keys::of(document.at(remarks))?;
        if keys.get("scrape_configs").is_none() {
            let help = "a prometheus.yml with `scrape_configs`";
            return Err(keys.at.fault("`scrape_configs` is missing", help));
        }
        let global = keys.keys("global")?;
        let pace = global.map_or(Ok(Pace::default()), |global| {
            Pace::read(&global, Pace::default())
        })?;
        let mut others = Vec::new();
        for at in keys.items("scrape_configs")? {
            let job = Job::read(at, pace)?;
            if job.path.ends_with(PATH) {
                job.targets(&input.name, find, remarks, found)?;
            } else {
                others.push(job.name);
            }
        }
        if let (Some(at), false) = (keys.get("scrape_configs"), others.is_empty()) {
            at.remark(format!(
                "scrape configs without `metrics_path: {PATH}` are left out: {}",
                others.join(", ")
            ));
        }
        keys.left_out(
            "scrape_config_files",
            "add these files with additional `--targets` options",
        );
        let rest: Vec<String> = keys.unread().into_iter().map(|(name, _)| name).collect();
        if !rest.is_empty() {
            keys.at.remark(format!(
                "only `scrape_configs` are read; left out: {}",
                rest.join(", ")
            ));
        }
    }
    Ok(())
}

/// A scrape config.
struct Job<'a> {
    keys: Keys<'a>,
    name: String,
    path: String,
    pace: Pace,
    /// The initial labels of every target.
    params: Vec<(String, String)>,
}

impl<'a> Job<'a> {
    fn read(at: At<'a>, pace: Pace) -> Result<Self, String> {
        let keys = Keys::of(at)?;
        let Some(name) = keys.filled("job_name")? else {
            return Err(at.fault("`job_name` is missing", "a name for the scrape config"));
        };
        let path = keys.filled("metrics_path")?.unwrap_or_default();
        let mut params = Vec::new();
        for (name, at) in keys
            .keys("params")?
            .iter()
            .flat_map(|keys| keys.at.entries())
        {
            let values: Vec<String> = items(at)?.into_iter().map(text).collect::<Result<_, _>>()?;
            if values.len() > 1 {
                at.remark(format!(
                    "only the first value of `{name:.60}` is used, as in the exporter"
                ));
            }
            let value = values.into_iter().next();
            params.extend(value.map(|value| (format!("__param_{name}"), value)));
        }
        Ok(Self {
            name,
            path,
            pace: Pace::read(&keys, pace)?,
            params,
            keys,
        })
    }

    fn targets(
        &self,
        file: &str,
        find: Find<'_>,
        remarks: &Remarks,
        found: &mut Targets,
    ) -> Result<(), String> {
        let keys = &self.keys;
        let rules = relabel::read(&keys.items("relabel_configs")?)?;
        for group in keys.items("static_configs")? {
            self.group(group, &rules, found)?;
        }
        for at in keys.items("file_sd_configs")? {
            let files = Keys::of(at)?;
            for pattern in files.texts("files")? {
                let inputs = find(file, &pattern)?;
                if inputs.is_empty() {
                    at.remark(format!("no file matches `{pattern}`"));
                }
                for input in &inputs {
                    for document in Document::all(input)? {
                        self.group(document.at(remarks), &rules, found)?;
                    }
                }
            }
        }
        self.remark_on_unread_keys();
        Ok(())
    }

    /// Adds remarks on the keys that are not imported.
    fn remark_on_unread_keys(&self) {
        let why = "slod has no relabeling rules for its own metrics";
        self.keys.left_out("metric_relabel_configs", why);
        let (discovery, rest): (Vec<_>, Vec<_>) = self
            .keys
            .unread()
            .into_iter()
            .partition(|(name, _)| name.ends_with(DISCOVERY));
        for (name, at) in discovery {
            at.remark(format!(
                "the targets of `{name:.60}` are left out: slod has no service discovery, only the targets in its config"
            ));
        }
        let rest: Vec<String> = rest.into_iter().map(|(name, _)| name).collect();
        if !rest.is_empty() {
            self.keys.at.remark(format!(
                "left out, since they concern requests to the exporter: {}",
                rest.join(", ")
            ));
        }
    }

    /// Reads targets that share labels.
    fn group(&self, at: At<'_>, rules: &[Rule], found: &mut Targets) -> Result<(), String> {
        let keys = Keys::of(at)?;
        let mut labels = Labels::new();
        for (name, at) in keys
            .keys("labels")?
            .iter()
            .flat_map(|keys| keys.at.entries())
        {
            labels.insert(name, text(at)?);
        }
        for at in keys.items("targets")? {
            if let Some(target) = self.target(&text(at)?, &labels, rules, at) {
                found.add(target, at)?;
            }
        }
        keys.rest();
        Ok(())
    }

    fn target(
        &self,
        address: &str,
        labels: &Labels,
        rules: &[Rule],
        at: At<'_>,
    ) -> Option<ScrapedTarget> {
        let all = self.initial_labels(address, labels);
        let applied = relabel::apply(rules, all);
        let left_out = |why: &&str| at.remark(format!("the target is left out: {why}"));
        let mut all = applied.inspect_err(left_out).ok()?;
        let Some(address) = all.remove("__param_target") else {
            at.remark(
                "the target is left out: no rule of `relabel_configs` sets the parameter `target`",
            );
            return None;
        };
        let Some(pace) = self.pace_of(&all) else {
            at.remark(format!(
                "the target is left out: `{INTERVAL_LABEL}` or `{TIMEOUT_LABEL}` is not a duration"
            ));
            return None;
        };
        let instance = all.remove("instance").unwrap_or_else(|| address.clone());
        let module = all.remove("__param_module");
        Some(ScrapedTarget {
            module: module.unwrap_or_else(|| DEFAULT_MODULE.to_owned()),
            target: Target {
                address,
                hostname: all.remove("__param_hostname"),
                spot: at.spot(),
            },
            instance,
            labels: all
                .into_iter()
                .filter(|(name, _)| name != "job" && !name.starts_with("__"))
                .collect(),
            pace,
        })
    }

    /// The labels of a target before relabeling. Those of the target take precedence over those of the scrape config.
    fn initial_labels(&self, address: &str, labels: &Labels) -> Labels {
        let own = [
            ("job", self.name.clone()),
            ("__metrics_path__", self.path.clone()),
            (INTERVAL_LABEL, show_duration(self.pace.interval)),
            (TIMEOUT_LABEL, show_duration(self.pace.timeout)),
        ];
        let own = own
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let mut all = labels.clone();
        for (name, value) in own.chain(self.params.iter().cloned()) {
            all.entry(name).or_insert(value);
        }
        all.insert("__address__".to_owned(), address.to_owned());
        all
    }

    /// The interval and timeout of a target with these labels; `None` if one is invalid.
    fn pace_of(&self, labels: &Labels) -> Option<Pace> {
        let of = |name: &str, own: Duration| {
            let text = labels.get(name);
            text.map_or(Some(own), |text| duration(text))
        };
        let interval = of(INTERVAL_LABEL, self.pace.interval)?;
        let timeout = of(TIMEOUT_LABEL, self.pace.timeout)?;
        Some(Pace {
            interval,
            timeout: timeout.min(interval),
        })
    }
}

/// A placeholder target for a module, if no Prometheus config was given.
pub(super) fn placeholder(module: &str, address: String, spot: Spot) -> ScrapedTarget {
    ScrapedTarget {
        module: module.to_owned(),
        target: Target {
            address,
            hostname: None,
            spot,
        },
        instance: module.to_owned(),
        labels: Labels::new(),
        pace: Pace::default(),
    }
}
