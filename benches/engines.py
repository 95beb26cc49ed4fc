#!/usr/bin/env python3
"""Runs the same load with slod's own engine, k6 and Locust against a FastAPI service, and compares their reports.

    python3 benches/engines.py --slod target/dist/slod [--seconds 30] [--builtin]

k6 and locust must be on the PATH, and this Python must have fastapi and uvicorn. Each scenario is run by slod's own
engine, by `slod load --engine locust`, whose log contains Locust's own summary, and manually: `slod export k6`,
`k6 run`, `slod import k6`. Prints a Markdown table. All processes end with this script.

With --builtin, the scenarios are the six built-in ones, with their users, rates and think times, and their shapes
compressed to --seconds (twice that for stress and soak); the table contains the results of slod, k6 and Locust.
"""
import argparse
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

SERVICE = """
import asyncio, itertools
from fastapi import FastAPI, Request, Response

app, numbers = FastAPI(), itertools.count()

@app.post("/login")
async def login(request: Request, response: Response):
    user = (await request.json())["user"]
    response.set_cookie("session", user)
    return {"token": "token-" + user}

@app.get("/chats/{user}")
async def chats(user: str, request: Request, response: Response):
    # 20 to 58 ms, uniformly distributed; every fiftieth request fails.
    number = next(numbers)
    await asyncio.sleep(0.02 + number % 20 * 0.002)
    is_own = request.cookies.get("session") == user and request.headers.get("x-token") == "token-" + user
    response.status_code = 403 if not is_own else 503 if number % 50 == 49 else 200
    return {}

@app.get("/search")
async def search(response: Response):
    number = next(numbers)
    await asyncio.sleep(0.02 + number % 20 * 0.002)
    response.status_code = 503 if number % 50 == 49 else 200
    return {}
"""
CONFIG = """
listen: 127.0.0.1:0
store: {{ path: slod.db }}
scenarios:
  - {{ name: users, think: 100ms, users: [ {{ to: 10, for: {seconds}s }} ] }}
  - {{ name: rate, rate: [ {{ to: 50/s, for: {seconds}s }} ] }}
  - {{ name: ramp, think: 100ms, users: [ {{ from: 0, to: 20, for: {seconds}s }} ] }}
  - {{ name: baseline, think: 1s, users: [ {{ to: 10, for: {seconds}s }} ] }}
  - {{ name: stress, think: 1s, users: [ {{ from: 10, to: 200, for: {double}s }} ] }}
  - {{ name: spike, think: 1s, users: [ {{ to: 10, for: {third}s }}, {{ to: 100, for: {third}s }}, {{ to: 10, for: {third}s }} ] }}
  - {{ name: soak, think: 1s, users: [ {{ to: 50, for: {double}s }} ] }}
  - {{ name: throughput, rate: [ {{ to: 50/s, for: {third}s }}, {{ to: 100/s, for: {third}s }}, {{ to: 150/s, for: {third}s }} ] }}
  - {{ name: capacity, rate: [ {steps} ] }}
services:
  - name: single
    probes: [ {{ name: up, http: {{ url: "http://127.0.0.1:{port}/search" }} }} ]
  - name: several
    probes: [ {{ name: up, http: {{ url: "http://127.0.0.1:{port}/search" }} }} ]
    load:
      url: http://127.0.0.1:{port}
      data: users.csv
      requests:
        - name: session
          steps:
            - {{ name: login, method: POST, path: /login, json: {{ user: "${{data.user}}" }}, capture: [ {{ name: token, json: $.token }} ] }}
            - {{ name: chats, path: "/chats/${{data.user}}", headers: {{ X-Token: "${{captured.token}}" }} }}
        - {{ name: search, weight: 2, path: /search }}
"""


SHORT = (("users", "single"), ("rate", "single"), ("ramp", "single"), ("users", "several"))
BUILTIN = tuple((name, "single") for name in ("baseline", "stress", "spike", "soak", "throughput", "capacity"))


def shapes(seconds):
    """The durations of the scenarios' stages; `capacity` has nine, at 25% to 800% of 50 per second."""
    factors = (0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8)
    steps = ", ".join(f"{{ to: {50 * factor:g}/s, for: {max(5, seconds // 9)}s }}" for factor in factors)
    return {"seconds": seconds, "double": 2 * seconds, "third": max(5, seconds // 3), "steps": steps}


def serve(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "service.py").write_text(SERVICE)
    command = [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    return subprocess.Popen(command, cwd=folder), port


def wait(child, port):
    for _ in range(100):
        if child.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json").read()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the service does not start")


def slod(args, folder, *arguments):
    command = [args.slod, *arguments, "--config", "slod.yaml"]
    ended = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ended.returncode not in (0, 2, 99):
        sys.exit(f"{' '.join(command)}: {ended.stdout}{ended.stderr}")
    return ended.stdout


def figures(run):
    total, seconds = run["total"], sum(window["seconds"] for window in run["windows"])
    return row(total["requests"], total["requests"] / seconds, total["errors"], total["p50_seconds"] * 1000, total["p95_seconds"] * 1000)


def row(requests, rate, failed, p50, p95):
    return f"{requests:,} | {rate:.1f}/s | {failed / requests:.2%} | {p50:.0f} ms | {p95:.0f} ms"


def native(args, folder, scenario, service):
    slod(args, folder, "load", scenario, "--service", service, "--out", "out")
    yield "slod", "slod load", figures(json.loads((folder / "out/run.json").read_text()))


def locust(args, folder, scenario, service):
    slod(args, folder, "load", scenario, "--service", service, "--out", "out", "--engine", "locust")
    yield "Locust", "slod load --engine locust", figures(json.loads((folder / "out/run.json").read_text()))
    counts, percentiles = re.findall(r"^ +Aggregated +(.*)$", (folder / "out/locust.log").read_text(), re.M)
    requests, failed = re.match(r"(\d+) +(\d+)\(", counts).groups()
    rate, percentiles = counts.split("|")[-1].split()[0], percentiles.split()
    own = row(int(requests), float(rate), int(failed), float(percentiles[0]), float(percentiles[5]))
    yield "Locust", "its own summary of the same run", own


def k6(args, folder, scenario, service):
    yield from k6_alone(args, folder, scenario, service)
    slod(args, folder, "load", scenario, "--service", service, "--out", "out", "--engine", "k6")
    yield "k6", "slod load --engine k6", figures(json.loads((folder / "out/run.json").read_text()))


def k6_alone(args, folder, scenario, service):
    (folder / "script.js").write_text(slod(args, folder, "export", "k6", scenario, "--service", service))
    command = ["k6", "run", "--quiet", "--no-usage-report", "--address=", "--out", "json=points.json", "--summary-export", "summary.json", "script.js"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    imported = slod(args, folder, "import", "k6", "points.json", "--service", service, "--format", "json")
    yield "k6", "k6 run, slod import k6", figures(json.loads(imported))
    own = json.loads((folder / "summary.json").read_text())["metrics"]
    requests, failed, time = own["http_reqs"], own["http_req_failed"], own["http_req_duration"]
    yield "k6", "its own summary of the same run", row(requests["count"], requests["rate"], failed["value"] * requests["count"], time["med"], time["p(95)"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slod", default="target/dist/slod")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--builtin", action="store_true")
    args = parser.parse_args()
    args.slod = os.path.abspath(args.slod)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        child, port = serve(folder)
        try:
            (folder / "slod.yaml").write_text(CONFIG.format(**shapes(args.seconds), port=port))
            (folder / "users.csv").write_text("user\nann\nbob\ncarl\n")
            wait(child, port)
            print("| scenario | engine | figures of | requests | rate | failed | p50 | p95 |")
            print("|---|---|---|---|---|---|---|---|")
            for scenario, service in BUILTIN if args.builtin else SHORT:
                for engine in (native, k6_alone if args.builtin else k6, locust):
                    for name, source, numbers in engine(args, folder, scenario, service):
                        print(f"| {scenario}, {service} | {name} | {source} | {numbers} |", flush=True)
        finally:
            child.terminate()
            child.wait()


main()
