#!/usr/bin/env python3
"""Kills the daemon between the decision about an alert and its delivery, and counts what arrives.

    benches/kills.py [--slod target/dist/slod] [--kills 1000] [--parallel 4] [--seed 1]

Each round starts a daemon with a service that is down and a webhook that is unavailable, or accepts requests
and never responds. When the alert has fired, the daemon is killed (SIGKILL) after a random time. A second
daemon with the same store finds a working webhook. The alert must arrive, and all attempts to deliver a
message must have the same key, so that a receiver that ignores known keys gets each message once. Exits with 1
if an alert is lost or arrives with a second key. Traffic goes to 127.0.0.1 only.
"""
import argparse
import http.server
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CONFIG = """listen: 127.0.0.1:0
store: {{ path: slod.db }}
observe: {{ interval: 60s, network: false, disk: false, pressure: false }}
defaults: {{ interval: 200ms, timeout: 100ms }}
services:
  - name: web
    probes: [ {{ name: home, tcp: {{ address: "127.0.0.1:{closed}" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 1h, alerts: [1] }} ]
receivers: [ {{ name: hook, timeout: 5s, webhook: {{ url: "http://127.0.0.1:{port}/" }} }} ]
routes: [ {{ to: hook, wait: 1ms }} ]
"""
PATIENCE = 60
# Nothing listens there. A free port could become that of the webhook of a parallel round.
CLOSED = 1


class Webhook:
    """Accepts messages; responds to them, or hangs."""

    def __init__(self, answers):
        self.got = []
        self.arrived = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.got.append((self.headers["idempotency-key"], body))
                outer.arrived.set()
                if answers:
                    self.send_response(200)
                    self.end_headers()
                else:
                    time.sleep(PATIENCE)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def started(slod, config):
    command = [slod, "run", "--log-format", "logfmt", "--config", str(config)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for_decision(daemon):
    """Reads the log until the line about the alert."""
    for line in daemon.stderr:
        if "error-budget burn" in line:
            return
    raise RuntimeError("the daemon ended before it alerted")


def drained(daemon):
    threading.Thread(target=daemon.stderr.read, daemon=True).start()


def one(slod, number, seed):
    """Runs one round; returns its result, and the keys before and after the kill."""
    chance = random.Random(seed * 1_000_003 + number)
    hangs = chance.random() < 0.5
    first = Webhook(answers=False) if hangs else None
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "slod.yaml"
        port = first.port if first else CLOSED
        config.write_text(CONFIG.format(closed=CLOSED, port=port))
        daemon = started(slod, config)
        try:
            wait_for_decision(daemon)
            drained(daemon)
            time.sleep(chance.random() * 1.5)
        finally:
            daemon.kill()
            daemon.wait()
        before = list(first.got) if first else []
        second = Webhook(answers=True)
        config.write_text(CONFIG.format(closed=CLOSED, port=second.port))
        daemon = started(slod, config)
        drained(daemon)
        try:
            arrived = second.arrived.wait(PATIENCE)
            # A duplicate would arrive soon.
            time.sleep(1.0)
        finally:
            daemon.kill()
            daemon.wait()
        second.stop()
        if first:
            first.stop()
    return hangs, arrived, before, list(second.got)


def judged(result):
    """`ok`, or a description of the failure."""
    _, arrived, before, after = result
    firing = [(key, body) for key, body in after if body["status"] == "firing"]
    if not arrived or not firing:
        return "lost"
    keys = Counter(key for key, _ in firing)
    if max(keys.values()) > 1:
        return "answered and sent again"
    if len(keys) > 1:
        return "two keys after the kill"
    if before and {key for key, _ in before} != set(keys):
        return "another key after the kill"
    return "ok"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slod", default="target/dist/slod")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.monotonic()
    with ThreadPoolExecutor(args.parallel) as pool:
        rounds = pool.map(lambda number: one(args.slod, number, args.seed), range(args.kills))
        results = list(rounds)
    verdicts = Counter(judged(result) for result in results)
    for result in (one for one in results if judged(one) != "ok"):
        _, _, before, after = result
        print(f"{judged(result)}: before the kill {before}, after it {after}")
    seen = sum(bool(before) for _, _, before, _ in results)
    hanging = sum(hangs for hangs, *_ in results)
    print(f"{args.kills} kills in {time.monotonic() - began:.0f} s: {dict(verdicts)}")
    print(f"receiver away: {args.kills - hanging}; hanging: {hanging}, which had the message before the kill: {seen}")
    return 0 if set(verdicts) <= {"ok"} else 1


if __name__ == "__main__":
    sys.exit(main())
