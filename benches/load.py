#!/usr/bin/env python3
"""Measures the cost of the load engine: CPU per request, rate, memory and lag of starts, against nginx.

    python3 benches/load.py --slod target/dist/slod [--seconds 20] [--users 50] [--rates 2000 10000] [--peers wrk oha] [--rounds 5]

With `--peers`, these programs alternate with slod for a number of rounds, with as many connections as users. CPU time
per request is comparable even on a busy machine. nginx responds with 200 and two bytes, and runs with two workers on
127.0.0.1. All processes end with this script.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

NGINX = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
"""
CONFIG = """
listen: 127.0.0.1:0
store: {{ path: {folder}/slod.db }}
scenarios: [ {{ name: users, think: 0s, users: [ {{ to: {users}, for: {seconds}s }} ] }} ]
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: "http://127.0.0.1:{port}/" }} }} ]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def run(slod, folder, arguments, seconds):
    out = folder / "out"
    command = [slod, "load", *arguments, "--service", "web", "--out", str(out), "-c", str(folder / "slod.yaml")]
    with open(os.devnull, "w") as nowhere:
        child = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
        memory = {}
        began = time.monotonic()
        for moment in (10, 60):
            if moment < seconds:
                time.sleep(max(0, began + moment - time.monotonic()))
                memory[moment] = resident(child.pid)
        _, _, used = os.wait4(child.pid, 0)
    report = json.loads((out / "run.json").read_text())
    windows = report["windows"][1:-1]
    lags = sorted(window["lag_seconds"] * 1e6 for window in windows)
    total = report["total"]
    cpu = used.ru_utime + used.ru_stime
    return {
        "requests": total["requests"],
        "errors": total["errors"],
        "rate": total["rate_per_second"],
        "cpu_us_per_request": cpu / max(1, total["requests"]) * 1e6,
        "p99_ms": (total["p99_seconds"] or 0) * 1e3,
        "lag_us_median_second": lags[len(lags) // 2] if lags else None,
        "lag_us_worst_second": lags[-1] if lags else None,
        "rss_mib": memory,
    }


def peer(name, port, users, seconds):
    """CPU per request of another program, in microseconds."""
    url = f"http://127.0.0.1:{port}/"
    commands = {
        "wrk": ["wrk", "-t", "2", "-c", str(users), "-d", f"{seconds}s", url],
        "oha": ["oha", "-c", str(users), "-z", f"{seconds}s", "--no-tui", "--output-format", "json", url],
    }
    child = subprocess.Popen(commands[name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    text = child.stdout.read()
    _, _, used = os.wait4(child.pid, 0)
    if name == "wrk":
        requests = int(re.search(r"(\d+) requests in", text).group(1))
    else:
        requests = sum(json.loads(text)["statusCodeDistribution"].values())
    return (used.ru_utime + used.ru_stime) / requests * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slod", default="target/dist/slod")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--rates", type=int, nargs="*", default=[2000, 10000])
    parser.add_argument("--peers", nargs="*", choices=["wrk", "oha"], default=[])
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, port = pathlib.Path(name), free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        (folder / "slod.yaml").write_text(
            CONFIG.format(folder=folder, port=port, users=args.users, seconds=args.seconds))
        nginx = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            found = {"closed": run(args.slod, folder, ["users"], args.seconds)}
            for rate in args.rates:
                arguments = ["throughput", "--rate", f"{rate}/s", "--run-time", f"{args.seconds}s"]
                found[f"{rate}/s"] = run(args.slod, folder, arguments, args.seconds)
            for number in range(args.rounds if args.peers else 0):
                one = {"slod": run(args.slod, folder, ["users"], args.seconds)["cpu_us_per_request"]}
                one |= {name: peer(name, port, args.users, args.seconds) for name in args.peers}
                found[f"round {number + 1}, CPU us per request"] = one
            print(json.dumps(found, indent=2))
        finally:
            nginx.send_signal(signal.SIGTERM)
            nginx.wait()


if __name__ == "__main__":
    main()
