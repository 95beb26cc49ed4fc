//! Statistics of the store.

/// Statistics of the store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreStats {
    /// Outcomes waiting to be committed.
    pub backlog: usize,
    /// Outcomes dropped because the backlog was full.
    pub lost_total: u64,
    /// Alert records dropped because too many were waiting.
    pub lost_alerts_total: u64,
    /// Notices dropped because too many were waiting.
    pub lost_deliveries_total: u64,
    /// Samples dropped because too many were waiting.
    pub lost_samples_total: u64,
    /// Samples of series beyond [`super::SERIES_MAX`].
    pub excess_samples_total: u64,
    /// Series that have samples.
    pub series: usize,
    pub committed_total: u64,
    pub commits: u64,
    pub last_commit_seconds: f64,
    pub commit_seconds_sum: f64,
    pub size_bytes: u64,
    pub unreadable_blocks: u64,
    /// Why the last attempt to write failed; `None` if it succeeded.
    pub last_error: Option<String>,
}

impl StoreStats {
    /// Why outcomes are not written, in one sentence; `None` if they are.
    pub fn trouble(&self) -> Option<String> {
        let error = self.last_error.as_ref()?;
        let (waiting, lost) = (self.backlog, self.lost_total);
        Some(format!(
            "the store cannot be written: {error} (probing continues: {waiting} outcomes wait in memory, {lost} were dropped)"
        ))
    }
}
