//! Schema migrations: what each version adds to the preceding one.

/// Moves the rows of the table `alert` to `alert_record`. Which faster tier inhibited an alert was
/// not stored, so the fastest one is used.
macro_rules! convert_alerts {
    () => {
        "
    INSERT INTO alert_record (from_at, service, is_sign, source, about, alertname, urgency, to_at, spent,
        summary, evidence, inhibited_by, silenced_by, notified)
    SELECT from_at, service, 0, slo,
        CASE tier WHEN 1 THEN 'tier 1 1h/5m 20000 page 2' WHEN 2 THEN 'tier 2 6h/30m 50000 page 2'
            WHEN 3 THEN 'tier 3 1d/2h 100000 ticket 2' ELSE 'tier 4 3d/6h 100000 ticket 2' END,
        CASE tier WHEN 1 THEN 'SlodBudgetBurnPage1h' WHEN 2 THEN 'SlodBudgetBurnPage6h'
            WHEN 3 THEN 'SlodBudgetBurnTicket1d' ELSE 'SlodBudgetBurnTicket3d' END,
        CASE WHEN tier <= 2 THEN 'page' ELSE 'ticket' END,
        to_at, spent, '', '', CASE WHEN inhibited THEN 'tier 1' END, NULL, 0
    FROM alert WHERE tier BETWEEN 1 AND 4;
    DROP TABLE alert;
"
    };
}

/// Each entry migrates a file to the next version; `PRAGMA user_version` is the number of applied
/// entries. Never change a released entry; append a new one.
pub const MIGRATIONS: &[&str] = &[
    "
    -- Who was probed. Ids are given once and stay below 2^20: they are part of other keys.
    CREATE TABLE probe (
        id INTEGER PRIMARY KEY CHECK (id < 1048576),
        service TEXT NOT NULL,
        name TEXT NOT NULL,
        first_at INTEGER NOT NULL,      -- earliest tick ever appended
        UNIQUE (service, name)
    ) STRICT;

    -- Outcomes that are in no block yet. A lane holds the outcomes of 128 neighbouring probes in
    -- time order: appending touches a page per lane, and one lane's hour is read and deleted in
    -- one piece. hour = at / 3600000, lane = probe / 128.
    CREATE TABLE outcome (
        hour INTEGER NOT NULL,
        lane INTEGER NOT NULL,
        at INTEGER NOT NULL,            -- tick, milliseconds since 1970
        probe INTEGER NOT NULL REFERENCES probe,
        interval_ms INTEGER NOT NULL,
        verdict INTEGER NOT NULL,       -- 0 good, below 256 the cause, from 256 the why
        latency_ns INTEGER NOT NULL,
        http_status INTEGER,
        tls_not_after INTEGER,          -- seconds since 1970
        message TEXT,
        PRIMARY KEY (hour, lane, at, probe)
    ) STRICT, WITHOUT ROWID;

    -- What hours were counted by: latency cuts in microseconds, and tally keys; spaces between.
    CREATE TABLE basis (
        id INTEGER PRIMARY KEY,
        cuts TEXT NOT NULL,
        keys TEXT NOT NULL,
        UNIQUE (cuts, keys)
    ) STRICT;

    -- One probe's finished hour; id = hour * 2^20 + probe, so that both tables only grow at their
    -- end and their pages are full. Counts are apart from outcomes: a start reads these only.
    CREATE TABLE hour (id INTEGER PRIMARY KEY, counts BLOB NOT NULL) STRICT;
    CREATE TABLE block (id INTEGER PRIMARY KEY, outcomes BLOB NOT NULL) STRICT;
",
    "
    -- Time that does not count. What was taken back stays on the record as long as outcomes.
    CREATE TABLE correction (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        from_at INTEGER NOT NULL,       -- milliseconds since 1970
        to_at INTEGER NOT NULL,         -- exclusive
        services TEXT NOT NULL,         -- a line each; empty for all
        slos TEXT NOT NULL,             -- likewise
        reason TEXT NOT NULL,
        author TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        taken_back_at INTEGER
    ) STRICT;
",
    "
    -- The last report of each job.
    CREATE TABLE beat (
        service TEXT NOT NULL,
        name TEXT NOT NULL,
        at INTEGER NOT NULL,            -- milliseconds since 1970
        failed INTEGER NOT NULL,
        message TEXT,
        PRIMARY KEY (service, name)
    ) STRICT, WITHOUT ROWID;

    -- Burn-rate alerts that fired.
    CREATE TABLE alert (
        from_at INTEGER NOT NULL,       -- milliseconds since 1970
        service TEXT NOT NULL,
        slo TEXT NOT NULL,
        tier INTEGER NOT NULL,
        to_at INTEGER,                  -- NULL while it fires
        spent REAL,                     -- share of the error budget when it fired
        inhibited INTEGER NOT NULL,     -- whether a faster tier fired already
        PRIMARY KEY (from_at, service, slo, tier)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alert_end ON alert (to_at);
",
    "
    -- Reported failures that no outcome may show yet: how many, and the last one.
    ALTER TABLE beat ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE beat ADD COLUMN failed_at INTEGER;  -- milliseconds since 1970
    ALTER TABLE beat ADD COLUMN failure TEXT;
",
    "
    -- Failures that wait for the control probes: whether they are the service's is not known yet.
    -- Columns as in outcome. A row goes when its outcome is judged and appended.
    CREATE TABLE held (
        at INTEGER NOT NULL,
        probe INTEGER NOT NULL REFERENCES probe,
        interval_ms INTEGER NOT NULL,
        verdict INTEGER NOT NULL,
        latency_ns INTEGER NOT NULL,
        http_status INTEGER,
        tls_not_after INTEGER,
        message TEXT,
        PRIMARY KEY (at, probe)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- When known probes were not configured: up to the first outcome afterwards.
    CREATE TABLE absence (
        probe INTEGER NOT NULL REFERENCES probe,
        from_at INTEGER NOT NULL,       -- milliseconds since 1970, a whole minute
        to_at INTEGER,                  -- NULL while there is no outcome
        PRIMARY KEY (probe, from_at)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- The code of the probe kind's protocol, and measurements apart from the latency: the number of
    -- each and its microseconds. NULL where they were not kept yet.
    ALTER TABLE outcome RENAME COLUMN http_status TO code;
    ALTER TABLE outcome ADD COLUMN measured BLOB;
    ALTER TABLE held RENAME COLUMN http_status TO code;
    ALTER TABLE held ADD COLUMN measured BLOB;
",
    "
    -- Who changed what.
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,            -- milliseconds since 1970
        name TEXT NOT NULL,             -- of the authenticated client, or anonymous@ its address
        action TEXT NOT NULL,
        object TEXT NOT NULL,           -- what was changed; may be empty
        outcome TEXT NOT NULL           -- ok, or why it was not done
    ) STRICT;
",
    "
    -- Gauges and counters with a history. Ids are given again once all samples are deleted.
    CREATE TABLE series (
        id INTEGER PRIMARY KEY CHECK (id >= 0 AND id < 1048576),
        series TEXT NOT NULL,           -- as in Prometheus: name{label=\"value\"}
        kind INTEGER NOT NULL,          -- 0 gauge, 1 counter
        first_at INTEGER NOT NULL,      -- its first sample, milliseconds since 1970
        last_at INTEGER NOT NULL,       -- its last sample in a block
        UNIQUE (series, kind)
    ) STRICT;

    -- Samples that are in no block yet: those that 64 neighbouring series had at one time.
    -- hour = at / 3600000, lane = series / 64.
    CREATE TABLE sample (
        hour INTEGER NOT NULL,
        lane INTEGER NOT NULL,
        at INTEGER NOT NULL,            -- milliseconds since 1970
        present INTEGER NOT NULL,       -- a bit for each series of the lane that has a value
        samples BLOB NOT NULL,          -- eight bytes for each bit that is set
        PRIMARY KEY (hour, lane, at, present)
    ) STRICT, WITHOUT ROWID;

    -- One series' finished hour, or day by the minute (from 2^60 on);
    -- id = hour of its start * 2^20 + series. A start reads the heads only.
    CREATE TABLE sample_head (id INTEGER PRIMARY KEY, head BLOB NOT NULL) STRICT;
    CREATE TABLE sample_block (id INTEGER PRIMARY KEY, samples BLOB NOT NULL) STRICT;
",
    concat!(
        "
    -- Alerts that fired. Who they are about: an objective and one of its conditions, or a warning
    -- sign and its subject.
    CREATE TABLE alert_record (
        from_at INTEGER NOT NULL,       -- milliseconds since 1970
        service TEXT NOT NULL,          -- empty for the host and for slod itself
        is_sign INTEGER NOT NULL,
        source TEXT NOT NULL,           -- objective, or sign
        about TEXT NOT NULL,            -- condition, or subject
        alertname TEXT NOT NULL,
        urgency TEXT NOT NULL,
        to_at INTEGER,                  -- NULL while it fires
        spent REAL,                     -- share of the error budget when it fired
        summary TEXT NOT NULL,          -- evidence when it fired
        evidence TEXT NOT NULL,         -- the last
        inhibited_by TEXT,
        silenced_by INTEGER,
        notified INTEGER NOT NULL,      -- whether receivers were given it
        PRIMARY KEY (from_at, service, is_sign, source, about)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alert_record_end ON alert_record (to_at);
",
        convert_alerts!(),
        "
    -- Who takes care of an alert.
    CREATE TABLE acknowledgement (
        from_at INTEGER NOT NULL,       -- the alert, as in alert_record
        service TEXT NOT NULL,
        is_sign INTEGER NOT NULL,
        source TEXT NOT NULL,
        about TEXT NOT NULL,
        at INTEGER NOT NULL,            -- milliseconds since 1970
        name TEXT NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (from_at, service, is_sign, source, about)
    ) STRICT, WITHOUT ROWID;

    -- Alerts that nobody is notified of for some time.
    CREATE TABLE silence (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        matchers TEXT NOT NULL,         -- a line each
        from_at INTEGER NOT NULL,       -- milliseconds since 1970
        to_at INTEGER NOT NULL,         -- exclusive
        author TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
"
    ),
    "
    -- Notices that a receiver has not got yet, in the order in which they were decided.
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        receiver TEXT NOT NULL,
        grouping TEXT NOT NULL,         -- the group of alerts that share messages
        fingerprint INTEGER NOT NULL,   -- of the alert
        due_at INTEGER NOT NULL,        -- milliseconds since 1970
        notice TEXT NOT NULL,           -- JSON
        message INTEGER                 -- the first id of its message, from the first attempt on
    ) STRICT;
    CREATE INDEX outbox_next ON outbox (receiver, due_at);

    -- Alerts that fire, as the receivers know them.
    CREATE TABLE delivered (
        receiver TEXT NOT NULL,
        grouping TEXT NOT NULL,
        fingerprint INTEGER NOT NULL,
        at INTEGER NOT NULL,            -- of the last message, milliseconds since 1970
        notice TEXT NOT NULL,           -- JSON
        PRIMARY KEY (receiver, grouping, fingerprint)
    ) STRICT, WITHOUT ROWID;

    -- Messages that were delivered or given up.
    CREATE TABLE notification (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,            -- milliseconds since 1970
        receiver TEXT NOT NULL,
        grouping TEXT NOT NULL,
        key TEXT NOT NULL,              -- of the message, the same for each attempt
        firing INTEGER NOT NULL,        -- alerts that fire
        resolved INTEGER NOT NULL,
        delivered INTEGER NOT NULL,     -- 0 if it was given up
        answer TEXT NOT NULL
    ) STRICT;
",
    "
    -- Load runs.
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        service TEXT NOT NULL,
        scenario TEXT NOT NULL,
        engine TEXT NOT NULL,
        from_at INTEGER NOT NULL,       -- milliseconds since 1970
        to_at INTEGER NOT NULL,
        is_baseline INTEGER NOT NULL,   -- whether later runs of the scenario are compared with it
        record BLOB NOT NULL            -- its plan, its end and its windows
    ) STRICT;
",
    "
    -- Load runs that go on, or whose process died. Until its end a run has its plan as record, `to_at`
    -- is when it was written last, and what was measured so far is in parts.
    ALTER TABLE run ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE run_part (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,        -- from 0, in the order of time
        part BLOB NOT NULL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER run_parts AFTER DELETE ON run
    BEGIN DELETE FROM run_part WHERE run = OLD.id; END;
",
    "
    -- What people did to services, such as deployments.
    CREATE TABLE marker (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,            -- milliseconds since 1970
        service TEXT NOT NULL,
        version TEXT NOT NULL,          -- may be empty
        text TEXT NOT NULL,             -- may be empty
        author TEXT NOT NULL
    ) STRICT;
    CREATE INDEX marker_at ON marker (at);
",
    "
    -- Messages that can be edited, at receivers that allow it: one for each group that fires.
    CREATE TABLE posted (
        receiver TEXT NOT NULL,
        grouping TEXT NOT NULL,
        message TEXT NOT NULL,          -- what the receiver calls it
        PRIMARY KEY (receiver, grouping)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Whether a notice escalates: an acknowledgement cancels it. When its `due_at` was set: if that is
    -- to come, the clock was set back since.
    ALTER TABLE outbox ADD COLUMN escalates INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE outbox ADD COLUMN set_at INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX outbox_alert ON outbox (fingerprint, receiver, grouping);
    CREATE INDEX delivered_alert ON delivered (fingerprint);

    -- Rows of `delivered` of receivers that were removed from the config, should they come back.
    CREATE TABLE removed_delivered (
        receiver TEXT NOT NULL,
        grouping TEXT NOT NULL,
        fingerprint INTEGER NOT NULL,
        at INTEGER NOT NULL,            -- of the last message, milliseconds since 1970
        notice TEXT NOT NULL,           -- JSON
        removed_at INTEGER NOT NULL,    -- milliseconds since 1970
        PRIMARY KEY (receiver, grouping, fingerprint)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Why the last attempt to deliver a notice failed.
    ALTER TABLE outbox ADD COLUMN failure TEXT;
",
"
    -- What lists show of load runs that ended, and the columns that they read: records are long.
    CREATE TABLE run_summary (
        run INTEGER PRIMARY KEY,
        basis INTEGER NOT NULL,         -- changes with everything that it was judged by
        summary TEXT NOT NULL           -- JSON
    ) STRICT;
    CREATE TRIGGER run_summaries AFTER DELETE ON run
    BEGIN DELETE FROM run_summary WHERE run = OLD.id; END;
    CREATE INDEX run_head ON run
        (id, service, scenario, engine, from_at, to_at, is_baseline, is_open);
",
    "
    -- New IDs of the destinations of receivers, as their services report them.
    CREATE TABLE moved (
        receiver TEXT PRIMARY KEY,
        destination TEXT NOT NULL,      -- as configured
        moved_to TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    -- For people: why an alert ended, and what held it back at first. Empty if it fires, or if nothing did.
    ALTER TABLE alert_record ADD COLUMN ended_because TEXT NOT NULL DEFAULT '';
    ALTER TABLE alert_record ADD COLUMN held_back TEXT NOT NULL DEFAULT '';
",
    "
    -- When alerts were not evaluated: slod did not run, or its machine was suspended.
    CREATE TABLE evaluation_gap (
        from_at INTEGER PRIMARY KEY,    -- milliseconds since 1970
        to_at INTEGER NOT NULL          -- exclusive
    ) STRICT;
",
];

/// The alert table of versions 3 to 9.
pub const OLD_ALERTS: &str = "
    CREATE TABLE alert (
        from_at INTEGER NOT NULL,
        service TEXT NOT NULL,
        slo TEXT NOT NULL,
        tier INTEGER NOT NULL,
        to_at INTEGER,
        spent REAL,
        inhibited INTEGER NOT NULL,
        PRIMARY KEY (from_at, service, slo, tier)
    ) STRICT, WITHOUT ROWID";

/// Converts its rows to records.
pub const CONVERT_ALERTS: &str = convert_alerts!();
