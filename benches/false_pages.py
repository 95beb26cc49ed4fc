#!/usr/bin/env python3
"""Pages and tickets per month for 50 healthy services: the table in docs/FALSE_PAGES.md.

Usage: benches/false_pages.py        (needs numpy; takes seconds)

One attempt in 5,000 fails, alone or two or three in a row. Counts the alerts of the four burn-rate tiers of a
99.9% objective over 30 days, according to the rules in crates/slod-core/src/alert/tier.rs; a faster tier
inhibits the slower ones. This is a model of the daemon: tiers are evaluated only at failures, when they can
start to fire. `slod backtest` uses the daemon's own code.
"""
import numpy as np

DAY = 86_400
BEFORE = 3 * DAY  # fills the longest window; nothing is counted in it
SPAN = BEFORE + 30 * DAY
SERVICES = 50
FAILING = 0.0002
# Long window, short window, share of the budget, and urgency.
TIERS = [
    (3_600, 300, 0.02, "page"),
    (21_600, 1_800, 0.05, "page"),
    (86_400, 7_200, 0.10, "ticket"),
    (259_200, 21_600, 0.10, "ticket"),
]


def failures(chance, attempts, lengths):
    """Indexes of the failed attempts, in runs of these lengths in turn."""
    starts = np.flatnonzero(chance.random(attempts) < FAILING / np.mean(lengths))
    runs = (range(start, start + lengths[n % len(lengths)]) for n, start in enumerate(starts))
    return np.array(sorted({at for run in runs for at in run if at < attempts}), dtype=int)


def within(times, window):
    """Number of events in the window that ends at each event."""
    return np.searchsorted(times, times, "right") - np.searchsorted(times, times - window, "right")


def spans(bad, spacing, tier):
    """When a tier fires. It continues for its short window after its condition was last met."""
    long, short, share, _ = tier
    limit = share * 30 * DAY / long * 0.001
    in_long, in_short = within(bad, long), within(bad, short)
    holds = (in_long > 1) & (in_long > limit * long / spacing) & (in_short > limit * short / spacing)
    fired = []
    for at in bad[holds]:
        if fired and at <= fired[-1][1]:
            fired[-1][1] = at + 2 * short
        else:
            fired.append([at, at + 2 * short])
    return fired


def sent(bad, spacing):
    """Pages and tickets, except those inhibited by a faster tier."""
    counts, faster = {"page": 0, "ticket": 0}, []
    for tier in TIERS:
        fired = spans(bad, spacing, tier)
        new = [at for at, _ in fired if at >= BEFORE and not any(begin <= at < end for begin, end in faster)]
        counts[tier[3]] += len(new)
        faster += fired
    return np.array([counts["page"], counts["ticket"]])


def bad_minutes(failed, per_minute, slice_target):
    minutes, count = np.unique(failed // per_minute, return_counts=True)
    return (minutes[1 - count / per_minute < slice_target - 1e-12] + 1) * 60


def main():
    chance = np.random.default_rng(1)
    print("| interval | failures | `errors` | `availability` at 90% | at 80% | at 50% (default) |\n|---|---|---|---|---|---|")
    for interval in (10, 30, 60):
        for name, lengths in (("alone", [1]), ("2 or 3 in a row", [2, 3])):
            sums = np.zeros((4, 2), dtype=int)
            for _ in range(SERVICES):
                failed = failures(chance, SPAN // interval, lengths)
                sums[0] += sent(failed * interval, interval)
                for column, target in enumerate((0.9, 0.8, 0.5), 1):
                    sums[column] += sent(bad_minutes(failed, 60 // interval, target), 60)
            print(f"| {interval}s | {name} | " + " | ".join(f"{pages} / {tickets}" for pages, tickets in sums) + " |", flush=True)


if __name__ == "__main__":
    main()
