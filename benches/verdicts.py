#!/usr/bin/env python3
"""Compares the verdicts with slod's own engine, k6 and Locust on services with known limits (benches/fifo.py).

    python3 benches/verdicts.py --slod target/dist/slod [CASE ...] [--engines slod k6 locust]

k6 and locust must be on the PATH. Each case is a shortened built-in scenario, or a burst; the engines run at the same
time, each against a separate service. Prints a Markdown table. `soak` takes 31 minutes, all others 10 minutes in
total. All processes end with this script.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

FIFO = pathlib.Path(__file__).resolve().parent / "fifo.py"
CONFIG = """
listen: 127.0.0.1:0
store: {{ path: slod.db }}
scenarios:
  - {{ name: burst, rate: [ {{ to: 10/s, for: 30s }}, {{ to: 100/s, for: 30s }}, {{ to: 10/s, for: 80s }} ] }}
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: "http://127.0.0.1:{port}/" }} }} ]
    load: {{ url: "http://127.0.0.1:{port}", timeout: 60s, rate: "{rate}" }}
    processes: [ {{ name: service, port: {port} }} ]
    metrics: {{ url: "http://127.0.0.1:{port}/metrics" }}
    objectives: [ {{ name: latency, sli: latency, below: 500ms, target: {target}, window: 30d }} ]
"""


@dataclass
class Case:
    """A scenario, the service, the correct result, and the verdicts that express it."""

    load: str
    service: str
    expected: str
    topics: tuple
    rate: str = "10/s-100/s"
    target: str = "95%"


CASES = {
    "baseline": Case("baseline --run-time 60s", "--workers 8", "nothing is wrong", ()),
    "stress": Case("stress --run-time 120s", "--workers 4", "knee at 84 users, p95 of 500 ms at 120", ("breaking point", "knee")),
    "spike": Case("spike --run-time 120s", "--workers 4", "no break, recovers at once", ("breaking point", "recovery")),
    "burst": Case("burst", "--workers 3", "60/s at most; has drained after 24 s, with 8 s for a p95", ("breaking point", "recovery")),
    "throughput": Case("throughput --run-time 100s", "--workers 8", "no break up to 150/s", ("breaking point",)),
    "throughput, too slow": Case("throughput --run-time 100s", "--workers 4", "80/s at most", ("breaking point",)),
    "capacity": Case("capacity --run-time 135s", "--workers 1 --ms 10 --random", "p99 of 500 ms at 91/s", ("breaking point",), "10/s-50/s", "99%"),
    "soak": Case("soak --run-time 1860s", "--workers 8 --ms-per-minute 0.5 --bytes-kept 1500", "p95 rises by 26%, memory by 250 MiB per hour", ("degradation", "memory growth")),
}


def run(args, case, engine):
    """The verdict in the engine's report."""
    command = [sys.executable, FIFO, *case.service.split()]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            port = int(service.stdout.readline())
            config = CONFIG.format(port=port, rate=case.rate, target=case.target)
            (pathlib.Path(folder) / "slod.yaml").write_text(config)
            load = [args.slod, "load", *case.load.split(), "--service", "web", "--engine", engine, "--out", "out", "-c", "slod.yaml"]
            ended = subprocess.run(load, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if ended.returncode not in (0, 2, 99):
                return f"exit code {ended.returncode}: {ended.stderr.strip().splitlines()[-1]}"
            report = json.loads((pathlib.Path(folder) / "out/run.json").read_text())
        finally:
            service.kill()
    said = {one["topic"]: one["evidence"] for one in report["verdicts"]}
    return "; ".join(f"{topic}: {said[topic]}" for topic in (*case.topics, "generator") if topic in said) or report["headline"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", default=[name for name in CASES if name != "soak"], help=", ".join(CASES))
    parser.add_argument("--slod", default="target/dist/slod")
    parser.add_argument("--engines", nargs="+", default=["slod", "k6", "locust"])
    args = parser.parse_args()
    args.slod = os.path.abspath(args.slod)
    print("| scenario | right | engine | found |\n|---|---|---|---|")
    for name in args.cases:
        case = CASES[name]
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda engine: run(args, case, engine), args.engines)
            for engine, said in zip(args.engines, found):
                print(f"| {name} | {case.expected} | {engine} | {said} |", flush=True)


if __name__ == "__main__":
    main()
