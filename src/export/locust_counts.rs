//! What a locustfile adds to write what it counts, for whoever started it: Locust itself writes
//! rounded percentiles of the last seconds only, from which no window of a run can be made.

/// Every half second, one line of JSON on standard output: users, workers, and requests by time,
/// name, error and response time. Workers send their counts to the master with Locust's own reports.
/// They send how long ago a request ended, because clocks of machines differ.
pub const REPORTER: &str = r#"

# What the requests were, for slod: it started this.
seen = {}


def see(moment, name, error, milliseconds, count):
    key = (moment, name, error, milliseconds)
    seen[key] = seen.get(key, 0) + count


def take_seen():
    taken = [[*key, count] for key, count in list(seen.items())]
    seen.clear()
    return taken


@events.request.add_listener
def count_request(name, response_time, exception=None, **kwargs):
    error = f"{type(exception).__name__}: {exception}"[:200] if exception else None
    see(round(time.time(), 1), name, error, float(f"{response_time or 0:.3g}"), 1)


@events.report_to_master.add_listener
def send_counts(client_id, data, **kwargs):
    now = time.time()
    data["slod"] = [[now - moment, *rest] for moment, *rest in take_seen()]


@events.worker_report.add_listener
def take_counts(client_id, data, **kwargs):
    now = time.time()
    for ago, *rest in data.get("slod", []):
        see(round(now - ago, 1), *rest)


def write_counts(runner):
    goes_on = runner.state in ("spawning", "running")
    # Newer versions count a process without workers as one.
    workers = runner.worker_count if goes_on and isinstance(runner, MasterRunner) else None
    taken = take_seen()
    for first in range(0, len(taken) + 1, 1000):
        part = taken[first : first + 1000]
        line = {"slod_load": part, "at": time.time(), "users": runner.user_count, "workers": workers}
        print(json.dumps(line), flush=True)


@events.test_start.add_listener
def report_counts(environment, **kwargs):
    runner = environment.runner
    if isinstance(runner, WorkerRunner) or getattr(environment, "slod_reports", False):
        return
    environment.slod_reports = True
    # The last counts of workers arrive after all events.
    atexit.register(write_counts, runner)

    def again():
        while True:
            write_counts(runner)
            gevent.sleep(0.5)

    gevent.spawn(again)
"#;

/// What it needs beside the imports of every locustfile.
pub const IMPORTS: &str = "import atexit\nfrom locust.runners import MasterRunner\n";
