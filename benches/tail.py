#!/usr/bin/env python3
"""Measures how much slod's own scheduling adds to the latencies it reports on a busy machine.

Usage: benches/tail.py [--seconds 120] [--busy 4] [--delay 20] [--targets 0] [--slod FILE] [--target FILE]

A server responds after a constant delay. While busy loops run, slod and a simple blocking client send requests
at the same time, both ten times per second, each attempt over a new connection. What both measure in addition to
the server's own time is the cost of waiting for a CPU; the difference between slod and the simple client is
slod's own overhead. `--targets` adds services that slod probes every 10 s, so that it has other work to do.
Needs a build with the example: cargo build --profile dist --bin slod --example target
All traffic stays on 127.0.0.1.
"""
import argparse
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "dist"
# slod probes this many services, each once per second; so does the plain client, in turn.
PER_SECOND = 10
BUSY = "while True: pass"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def config(folder, port, address, targets):
    def services(prefix, count, interval):
        return "".join(
            f"  - name: {prefix}{n}\n    probes: [ {{ name: p, interval: {interval}, timeout: 900ms, http: {{ url: \"http://{address}/\" }} }} ]\n"
            for n in range(count)
        )

    path = folder / "slod.yaml"
    path.write_text(
        f"listen: 127.0.0.1:{port}\nstore: {{ path: {folder}/slod.db }}\nservices:\n"
        + services("s", PER_SECOND, "1s") + services("more", targets, "10s")
    )
    return path


def plain_attempt(host, port):
    """A minimal attempt: measured seconds, and seconds reported by the server."""
    request = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
    started = time.monotonic()
    with socket.create_connection((host, port)) as connection:
        connection.sendall(request)
        answer = b""
        while b"}" not in answer:
            part = connection.recv(4096)
            if not part:
                break
            answer += part
        seen = time.monotonic() - started
    own = re.search(rb"dur=([0-9.]+)", answer)
    return seen, float(own.group(1)) / 1000 if own else None


def plain_client(host, port, seconds):
    """Prints its measurements as JSON."""
    results, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        # Randomly spaced like slod's probes, because a fixed interval may be in step with the kernel's clock.
        time.sleep(random.uniform(0.5, 1.5) / PER_SECOND)
        results.append(plain_attempt(host, int(port)))
    print(json.dumps(results))


def slod_outcomes(port, since):
    latencies = []
    begin = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
    for n in range(PER_SECOND):
        url = f"http://127.0.0.1:{port}/api/v1/probes/s{n}/p/outcomes?limit=10000&from={begin}"
        with urllib.request.urlopen(url) as answer:
            outcomes = json.load(answer)
        latencies += [outcome["latency_seconds"] for outcome in outcomes]
        for outcome in outcomes:
            if outcome["verdict"] != "good":
                print("not good:", outcome, file=sys.stderr)
    return latencies


def own_metrics(port):
    """slod's metrics about itself, summed over probes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    sums = {}
    wanted = r"^(slod_schedule_\w+_(?:sum|count)|slod_probe_missed_total|slod_probe_void_total)(?:\{.*\})? (\S+)$"
    for name, value in re.findall(wanted, text, re.M):
        sums[name] = sums.get(name, 0) + float(value)
    return sums


def row(name, values):
    values = sorted(values)
    at = lambda q: f"{1000 * values[min(len(values) - 1, int(q * len(values)))]:8.1f}"
    print(f"{name:22}{len(values):7}{at(0.5)}{at(0.9)}{at(0.95)}{at(0.99)}{1000 * values[-1]:8.1f}")


def measure(options, folder, started):
    def start(*command, **streams):
        # In separate sessions, as started by a service manager: the kernel first divides CPU time among sessions.
        command = [str(part) for part in command]
        process = subprocess.Popen(command, text=True, start_new_session=True, **streams)
        started.append(process)
        return process

    target = start(options.target, options.delay, stdout=subprocess.PIPE)
    address = target.stdout.readline().strip()
    own_port = free_port()
    path = config(folder, own_port, address, options.targets)
    with open(folder / "slod.log", "w") as log:
        start(options.slod, "run", "--config", path, stdout=log, stderr=log)
    for _ in range(options.busy):
        start(sys.executable, "-c", BUSY)
    time.sleep(5)
    since = time.time()
    client = start(sys.executable, __file__, "--seconds", options.seconds, "--plain", address, stdout=subprocess.PIPE)
    plain = json.loads(client.communicate()[0])
    # The last outcomes are committed some seconds later on a busy machine.
    time.sleep(5)
    return plain, slod_outcomes(own_port, since), own_metrics(own_port)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--busy", type=int, default=4)
    parser.add_argument("--delay", type=int, default=20)
    parser.add_argument("--targets", type=int, default=0)
    parser.add_argument("--slod", default=BIN / "slod")
    parser.add_argument("--target", default=BIN / "examples" / "target")
    parser.add_argument("--plain", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        return plain_client(*options.plain.split(":"), options.seconds)
    started = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            plain, slod, figures = measure(options, pathlib.Path(folder), started)
        finally:
            for process in started:
                process.kill()
            for process in started:
                process.wait()
    print(f"{'milliseconds':22}{'n':>7}{'p50':>8}{'p90':>8}{'p95':>8}{'p99':>8}{'max':>8}")
    row("the server itself", [own for _, own in plain if own is not None])
    row("plain client", [seen for seen, _ in plain])
    row("slod", slod)
    for name, value in figures.items():
        print(f"{name} {value:g}")


if __name__ == "__main__":
    main()
