#!/usr/bin/env python3
"""Measures what hostile clients, services and configs cost the daemon, and whether they affect probing.

    benches/hostile.py [--slod target/dist/slod] [--services 300] [--seconds 10] [--posts 5000]

Starts a daemon with a temporary store, and services on 127.0.0.1. Each case runs for some seconds. Prints the
daemon's maximum resident memory and number of file descriptors, the slowest response of /metrics, and the effects on
probing: missed attempts, void outcomes, and the 99th percentile of the time that attempts waited for a CPU. All
traffic stays on this machine and ends with the script. docs/LIMITS.md has the limits; exits with 1 if one of them is
exceeded. Use an optimized binary on an otherwise idle machine.
"""

import argparse
import asyncio
import base64
import http.client
import multiprocessing
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

# Maximum number of connections, as in docs/LIMITS.md, and of files that a daemon without clients has open, apart from
# a socket per probe.
CONNECTIONS, OWN_DESCRIPTORS = 1024, 128
# MiB in addition to the memory of a daemon without clients: responses being sent, and the buffers of all connections.
MEMORY = 64 + 128
# Seconds that an attempt waits for a CPU.
LAG = 0.05
SLOW_PATTERN = r"(?-u)w[^0]{1,2000}[\x80-\xff]"
TOKEN = "0123456789abcdef0123456789abcdef"
PASSWORDS = "basic_auth_users: { ada: $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG }\n"
# Not periodic, because otherwise the search would have few states.
SLOW_BODY = bytes(random.Random(1).choices(b"word, ", k=900_000))


async def answer(reader, writer):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        body = SLOW_BODY if b" /slow" in head else b"ok"
        length = len(body)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % length + body)
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


def serve(pipe):
    async def run():
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
        pipe.send(server.sockets[0].getsockname()[1])
        async with server:
            await server.serve_forever()

    asyncio.run(run())


def config(services, port, slow=False, locked=False):
    token = f"{{ name: reader, token: {TOKEN}, role: read }}"
    lines = [
        "listen: 127.0.0.1:0",
        "store: { path: slod.db }",
        f"web: {{ config_file: web.yml, tokens: [ {token} ] }}" if locked else "web: { config_file: web.yml }",
        "defaults:",
        "  interval: 2s",
        "  timeout: 1s",
        "  objectives:",
        "    - { name: errors, sli: success, target: 99% }",
        "services:",
    ]
    for number in range(services):
        probe = f'{{ name: home, http: {{ url: "http://127.0.0.1:{port}/" }} }}'
        lines.append(f"  - {{ name: s{number}, probes: [ {probe} ] }}")
    for number in range(4 if slow else 0):
        expect = f"expect: {{ body: '{SLOW_PATTERN}' }}"
        probe = f'{{ name: home, http: {{ url: "http://127.0.0.1:{port}/slow", {expect} }} }}'
        lines.append(f"  - {{ name: slow{number}, probes: [ {probe} ] }}")
    return "\n".join(lines) + "\n"


class Daemon:
    def __init__(self, binary, folder):
        self.path = os.path.join(folder, "slod.yaml")
        command = [binary, "run", "--config", self.path]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                break
        # Further lines are discarded, so that they do not fill the pipe.
        threading.Thread(target=lambda: [None for _ in self.process.stderr], daemon=True).start()

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def metrics(self):
        started = time.monotonic()
        # Ignored by a daemon without authentication.
        headers = {"Authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as page:
            text = page.read().decode()
        return text, time.monotonic() - started

    def metrics_soon(self):
        """The metrics, retried until they are available."""
        for _ in range(30):
            try:
                return self.metrics()[0]
            except (OSError, http.client.HTTPException):
                time.sleep(1)
        raise TimeoutError("/metrics does not answer")


class Totals:
    """Counters at one point in time."""

    def __init__(self, text):
        def total(name):
            found = re.findall(rf'^{name}(?:{{([^}}]*)}})? (\S+)$', text, re.M)
            return sum(float(value) for labels, value in found if 'service="slow' not in labels)

        self.missed = total("slod_probe_missed_total")
        self.void = total("slod_probe_void_total")
        self.runs = total("slod_probe_runs_total")
        name = "slod_schedule_wakeup_lag_seconds_bucket"
        found = re.findall(rf'^{name}{{.*?le="([^"]+)".*?}} (\S+)$', text, re.M)
        self.lag = [(float(le), float(count)) for le, count in found]

    def lag_p99(self, before):
        delta = [(le, count - old) for (le, count), (_, old) in zip(self.lag, before.lag)]
        if not delta or delta[-1][1] == 0:
            return None
        return next(le for le, count in delta if count >= 0.99 * delta[-1][1])


async def hold(port, request, seconds, read=False):
    """Sends a request, and optionally reads the response."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
        if not read:
            writer.transport.pause_reading()
        writer.write(request)
        end = time.monotonic() + seconds
        while read and time.monotonic() < end:
            if not await asyncio.wait_for(reader.read(65536), max(0.1, end - time.monotonic())):
                break
        await asyncio.sleep(max(0, end - time.monotonic()) if not read else 0)
        writer.transport.abort()
    except (OSError, asyncio.TimeoutError):
        pass


def flood(port, request, count, seconds, read):
    async def run():
        clients = []
        for number in range(count):
            clients.append(asyncio.create_task(hold(port, request, seconds, read)))
            if number % 100 == 99:
                await asyncio.sleep(0.01)
        await asyncio.gather(*clients)

    asyncio.run(run())


def get(path, more=""):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n".encode()


def wrong_password(number):
    login = base64.b64encode(f"ada:{number}".encode()).decode()
    return get("/", f"Authorization: Basic {login}\r\n")


def reset_streams(count):
    """Requests over HTTP/2, each followed by its reset."""
    frames = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\x04\0\0\0\0\0"]
    # GET http://127.0.0.1/ with the static table.
    head = b"\x82\x86\x84\x41\x09127.0.0.1"
    for stream in range(1, 2 * count, 2):
        number = stream.to_bytes(4, "big")
        frames += [b"\0\0", bytes([len(head)]), b"\x01\x05", number, head]
        frames += [b"\0\0\x04\x03\0", number, b"\0\0\0\x08"]
    return b"".join(frames)


def cases(arguments):
    post = b"POST /api/v1/corrections HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    outcomes = get("/api/v1/probes/s0/home/outcomes?limit=10000").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    return [
        ("nothing", b"", 0, False),
        ("150 clients do not read /api/v1/services", get("/api/v1/services") * 8, 150, False),
        ("150 clients do not read the page", get("/") * 8, 150, False),
        ("600 clients read a history", outcomes, 600, True),
        (f"{arguments.posts} unfinished posts", post, arguments.posts, False),
        (f"{arguments.posts} idle connections", b"", arguments.posts, False),
        (f"{arguments.posts} unfinished heads", b"GET / HTTP/1.1\r\n", arguments.posts, False),
        ("300 clients reset 1000 HTTP/2 streams each", reset_streams(1000), 300, True),
    ]


def watch(daemon, name, work, seconds):
    before, end = Totals(daemon.metrics_soon()), time.monotonic() + seconds
    memory = descriptors = slowest = failed = 0
    while time.monotonic() < end or (work and work.is_alive()):
        memory, descriptors = max(memory, daemon.memory()), max(descriptors, daemon.descriptors())
        try:
            slowest = max(slowest, daemon.metrics()[1])
        except (OSError, http.client.HTTPException):
            failed += 1
        time.sleep(0.2)
    after = Totals(daemon.metrics_soon())
    lag = after.lag_p99(before)

    print(
        f"{name:44} {memory:7.0f} MiB {descriptors:6} fds  /metrics {slowest * 1000:6.0f} ms {failed:2} failed  "
        f"runs {after.runs - before.runs:6.0f} missed {after.missed - before.missed:3.0f} "
        f"void {after.void - before.void:3.0f} lag p99 <= {lag} s",
        flush=True,
    )
    lost = {"missed ticks": after.missed - before.missed, "void outcomes": after.void - before.void}
    faults = [f"{name}: {count:.0f} {what}" for what, count in lost.items() if count]
    if lag is None or lag > LAG:
        faults.append(f"{name}: lag p99 is {lag} s, and must be at most {LAG} s")
    if failed:
        faults.append(f"{name}: /metrics failed {failed} times")
    return memory, descriptors, faults


def judge(name, seen, quiet, services):
    """The exceeded limits, given the numbers of a case and of the daemon without clients."""
    memory, descriptors, faults = seen
    if memory > quiet[0] + MEMORY:
        faults.append(f"{name}: {memory:.0f} MiB are more than {MEMORY} MiB beyond {quiet[0]:.0f} MiB")
    most = CONNECTIONS + OWN_DESCRIPTORS + services
    if descriptors > most:
        faults.append(f"{name}: {descriptors} descriptors are more than {most}")
    return faults


def attack(daemon, case, arguments, quiet):
    """Runs a case, and returns what was seen and the exceeded limits."""
    name, request, count, read = case
    work = None
    if count:
        work = multiprocessing.Process(target=flood, args=(daemon.port, request, count, arguments.seconds, read))
        work.start()
    seen = watch(daemon, name, work, arguments.seconds)
    if work:
        work.join()
    return seen, judge(name, seen, quiet or seen, arguments.services)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--slod", default="target/dist/slod")
    parser.add_argument("--services", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--posts", type=int, default=5000)
    arguments = parser.parse_args()
    wanted = arguments.posts + 2000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "slod.yaml")
        with open(path, "w") as file:
            file.write(config(arguments.services, port))
        with open(os.path.join(folder, "web.yml"), "w") as file:
            file.write("{}\n")
        daemon = Daemon(arguments.slod, folder)
        faults, quiet = [], None
        try:
            time.sleep(5)
            for case in cases(arguments):
                seen, more = attack(daemon, case, arguments, quiet)
                quiet = quiet or seen
                faults += more
                time.sleep(2)
            for name, number, changed in [
                ("4 probes with a slow expression", 0, {"slow": True}),
                ("200 clients send 20 wrong passwords each", 200, {"locked": True}),
            ]:
                with open(os.path.join(folder, "web.yml"), "w") as file:
                    file.write(PASSWORDS if "locked" in changed else "{}\n")
                with open(path, "w") as file:
                    file.write(config(arguments.services, port, **changed))
                daemon.process.send_signal(signal.SIGHUP)
                time.sleep(2)
                passwords = b"".join(wrong_password(number) for number in range(20))
                faults += attack(daemon, (name, passwords, number, True), arguments, quiet)[1]
            started = time.monotonic()
            daemon.process.terminate()
            code = daemon.process.wait(timeout=30)
            print(f"stopped with code {code} in {time.monotonic() - started:.1f} s")
            if code != 0:
                faults.append(f"it stopped with code {code}")
        finally:
            daemon.process.kill()
            server.terminate()
    for fault in faults:
        print(fault)
    print("all bounds hold" if not faults else f"{len(faults)} bounds do not hold")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
