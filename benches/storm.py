#!/usr/bin/env python3
"""Takes 1,000 services down at once, and measures what receivers get and the effects on probing.

    benches/storm.py [--slod target/dist/slod] [--services 1000] [--quiet 120] [--storm 120]

The services are a single server on 127.0.0.1, which responds for a while and then resets every connection.
Alerts go to a webhook and, if it is installed, to an Alertmanager. Prints when each of them had the alerts of
all services and in how many messages, and the schedule's lag before and during the storm (the histogram bucket
of its 99th percentile). Exits with 1 if a receiver does not have all alerts within a minute of the start of
the last one, or if the lag is in a bucket above 100 ms.
"""
import argparse
import asyncio
import http.server
import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

CONFIG = """listen: 127.0.0.1:{port}
store: {{ path: slod.db }}
observe: {{ interval: 60s }}
defaults: {{ interval: 10s, timeout: 2s }}
services:
{services}receivers:
  - {{ name: hook, webhook: {{ url: "http://127.0.0.1:{hook}/" }} }}
{alertmanager}routes: [ {{ to: [ {to} ], wait: 10s }} ]
"""
SERVICE = """  - name: s{number}
    probes: [ {{ name: home, http: {{ url: "http://127.0.0.1:{target}/" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 1h, alerts: [1] }} ]
"""
LAG = "slod_schedule_lag_seconds"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Target:
    """Responds until it is taken down."""

    def __init__(self):
        self.down = False
        self.port = free_port()
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        ready.wait()

    async def serve(self, ready):
        server = await asyncio.start_server(self.answer, "127.0.0.1", self.port, backlog=2048)
        ready.set()
        await server.serve_forever()

    async def answer(self, reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                if self.down:
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    break
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


class Webhook:
    """Records when the alert of each service arrived, and when each message arrived."""

    def __init__(self):
        self.known, self.messages, self.starts = {}, [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.messages.append((time.time(), len(body)))
                for alert in json.loads(body)["alerts"]:
                    service = alert["labels"].get("service", "")
                    outer.known.setdefault(service, time.time())
                    outer.starts.setdefault(service, alert["startsAt"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def lag(port):
    """The histogram of the schedule's lag: counts by upper bound."""
    page = get(f"http://127.0.0.1:{port}/metrics")
    rows = re.findall(LAG + r'_bucket\{le="([^"]+)"\} (\d+)', page)
    return {float(bound.replace("+Inf", "inf")): int(count) for bound, count in rows}


def p99(before, after):
    grown = {bound: after[bound] - before.get(bound, 0) for bound in after}
    total = max(grown.values())
    return min(bound for bound, count in grown.items() if count >= 0.99 * total), total


def alertmanager(folder):
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        return None, None
    config = folder / "alertmanager.yml"
    config.write_text("route: { receiver: none }\nreceivers: [ { name: none } ]\n")
    port = free_port()
    command = [program, f"--config.file={config}", f"--storage.path={folder / 'am'}",
               f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return child, port


def services_at(port):
    alerts = json.loads(get(f"http://127.0.0.1:{port}/api/v2/alerts?active=true"))
    names = {alert["labels"].get("service") for alert in alerts}
    return names - {None}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--slod", default="target/dist/slod")
    arguments.add_argument("--services", type=int, default=1000)
    arguments.add_argument("--quiet", type=int, default=120, help="seconds before the storm")
    arguments.add_argument("--storm", type=int, default=120, help="seconds of the storm")
    given = arguments.parse_args()
    target, hook, port = Target(), Webhook(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        manager, manager_port = alertmanager(folder)
        services = "".join(SERVICE.format(number=n, target=target.port) for n in range(given.services))
        address = f'  - {{ name: am, alertmanager: {{ urls: ["http://127.0.0.1:{manager_port}"] }} }}\n'
        config = folder / "slod.yaml"
        config.write_text(CONFIG.format(port=port, hook=hook.port, services=services,
                                        alertmanager=address if manager else "",
                                        to="hook, am" if manager else "hook"))
        daemon = subprocess.Popen([given.slod, "run", "--config", str(config)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return watch(given, target, hook, port, manager_port)
        finally:
            for child in (daemon, manager):
                if child:
                    child.terminate()
                    child.wait(30)


def watch(given, target, hook, port, manager_port):
    time.sleep(20)
    first = lag(port)
    time.sleep(given.quiet)
    before = lag(port)
    target.down, began, managed = True, time.time(), None
    while time.time() < began + given.storm:
        time.sleep(1)
        if manager_port and managed is None and len(services_at(manager_port)) >= given.services:
            managed = time.time() - began
    after = lag(port)
    heard = sorted(at - began for at in hook.known.values())
    starts = sorted(hook.starts.values())
    print(f"webhook: {len(heard)} services in {len(hook.messages)} messages, the first after "
          f"{heard[0]:.0f} s, the last after {heard[-1]:.0f} s; alerts began from {starts[0]} to {starts[-1]}; "
          f"the largest message has {max(size for _, size in hook.messages) / 1024:.0f} KiB")
    if manager_port:
        print(f"Alertmanager: all services after {managed and round(managed)} s")
    (quiet, attempts), (storm, more) = p99(first, before), p99(before, after)
    print(f"schedule lag p99: at most {quiet * 1000:g} ms before ({attempts} attempts), "
          f"{storm * 1000:g} ms during the storm ({more} attempts)")
    # An alert needs two failures: up to 20 s.
    in_time = len(heard) == given.services and heard[-1] <= 80 and (not manager_port or managed)
    return 0 if in_time and storm <= max(quiet, 0.1) else 1


if __name__ == "__main__":
    sys.exit(main())
