#!/usr/bin/env python3
"""Checks which warning signs slod finds in real FastAPI services with problems, and how soon.

Usage: benches/real_services.py [--slod target/debug/slod] [--python DIR/bin/python] [--speed 10] [--minutes 12] [--cpu-above 80%] SCENARIO...

Each scenario is tests/tools/fastapi_app.py with uvicorn and two workers, and a separate PostgreSQL if needed; a single
slod monitors all of them. `--speed` speeds up slod's clock (Debian package faketime), so that trends of hours are
found in minutes; to slod, the services leak and fill up faster by this factor. CPU usage ratios are then wrong, so
`burn` needs `--speed 1`. Prints a Markdown table, and exits with 1 if a sign was missing or unexpected.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


@dataclass
class Scenario:
    """The requests, their interval in seconds, the number of concurrent clients, and the expected signs."""

    path: str
    every: float
    signs: set
    clients: int = 1
    environment: dict = field(default_factory=dict)


SCENARIOS = {
    "fine": Scenario("/query", 1, set()),
    "leak": Scenario("/leak?mib=0.2", 2, {"memory_growing"}),
    "queue": Scenario("/enqueue?jobs=1", 3, {"queue_growing"}),
    "burn": Scenario("/burn?seconds=4", 1, {"cpu_high"}),
    "breaker": Scenario("/payments?fail=1", 2, {"breaker_open"}),
    "pool": Scenario("/query?seconds=5", 0, {"pool_exhausted"}, 14, {"POOL_TIMEOUT": "30"}),
    "timeouts": Scenario("/query?seconds=5", 0, {"pool_exhausted", "connection_timeouts"}, 14),
}


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


def wait_for(log, pattern, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = re.search(pattern, log.read_text())
        if found:
            return found.group(1)
        time.sleep(0.2)
    sys.exit(f"{log} has no {pattern}:\n{log.read_text()}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Machine:
    """All running processes, which are stopped at the end."""

    def __init__(self, folder):
        self.folder, self.children = folder, []

    def start(self, name, command, environment):
        log = self.folder / f"{name}.log"
        child = subprocess.Popen(command, env=os.environ | environment, stdout=log.open("w"), stderr=subprocess.STDOUT)
        self.children.append(child)
        return log

    def end(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()


def postgres(machine):
    """Starts a database in a directory, as a user that is allowed to run one. Returns its URL."""
    programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    data = machine.folder / "postgres"
    data.mkdir()
    machine.folder.chmod(0o755)
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
    if user:
        subprocess.run(["chown", "nobody:nogroup", data], check=True)
    init = [*user, programs / "initdb", "-D", data / "db", "-A", "trust", "-U", "app", "--no-sync"]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=data)
    port = free_port()
    settings = ["listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={data}", "fsync=off", "max_connections=200"]
    options = [part for setting in settings for part in ("-c", setting)]
    log = machine.start("postgres", [*user, programs / "postgres", "-D", data / "db", *options], {})
    wait_for(log, "(ready to accept connections)")
    return f"postgresql+psycopg://app@127.0.0.1:{port}/postgres"


def application(machine, name, python, environment):
    metrics = machine.folder / f"{name}.metrics"
    metrics.mkdir()
    command = [python, "-m", "uvicorn", "--app-dir", ROOT / "tests/tools", "fastapi_app:app", "--workers", "2", "--port", "0", "--no-access-log"]
    log = machine.start(name, command, environment | {"PROMETHEUS_MULTIPROC_DIR": str(metrics)})
    port = wait_for(log, r"running on http://127.0.0.1:(\d+)")
    wait_for(log, "(Application startup complete)")
    return int(port)


def config(machine, ports, cpu):
    services = "".join(
        f"  - name: {name}\n    probes: [ {{ name: home, http: {{ url: 'http://127.0.0.1:{port}/ok' }} }} ]\n"
        f"    processes: [ {{ name: uvicorn, port: {port} }} ]\n    metrics: {{ url: 'http://127.0.0.1:{port}/metrics' }}\n"
        f"    signals: {{ cpu_high: {{ above: {cpu} }} }}\n"
        for name, port in ports.items()
    )
    objectives = "{ name: errors, sli: success, target: 99%, window: 30d }"
    path = machine.folder / "slod.yaml"
    path.write_text(f"listen: 127.0.0.1:0\nstore: {{ path: slod.db }}\ndefaults: {{ objectives: [ {objectives} ] }}\nservices:\n{services}")
    return path


def drive(scenario, port, stopped):
    while not stopped.is_set():
        get(f"http://127.0.0.1:{port}{scenario.path}")
        stopped.wait(scenario.every)


def watch(address, names, minutes, speed):
    """When each sign was first active, in minutes of slod's clock, and its evidence at that time."""
    begun, found = time.monotonic(), {name: {} for name in names}
    while True:
        passed = (time.monotonic() - begun) * speed / 60
        for name in names:
            for sign in json.loads(get(f"{address}/api/v1/health/{name}") or "{}").get("signals", []):
                if sign["state"] == "active" and sign["signal"] not in found[name]:
                    found[name][sign["signal"]] = (passed, sign["evidence"])
                    print(f"{passed:6.1f} min  {name}: {sign['signal']}: {sign['evidence']}", file=sys.stderr, flush=True)
        if passed > minutes:
            return found
        time.sleep(min(5, 60 / speed))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="+", choices=SCENARIOS, metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--slod", default=ROOT / "target/debug/slod")
    parser.add_argument("--python", default=sys.executable, help="a Python that has the libraries of the application, and psycopg[binary]")
    parser.add_argument("--speed", type=int, default=1)
    parser.add_argument("--cpu-above", default="80%", help="the threshold of `cpu_high`; a lower one where other work takes the processors")
    parser.add_argument("--minutes", type=float, default=12, help="how long to watch, by slod's clock")
    options = parser.parse_args()
    # So that all started processes are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    stopped = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(pathlib.Path(folder))
        try:
            url = postgres(machine)
            ports = {}
            for name in options.scenarios:
                environment = SCENARIOS[name].environment | {"DATABASE_URL": url}
                ports[name] = application(machine, name, options.python, environment)
            clock = {"LD_PRELOAD": FAKETIME, "FAKETIME": f"+0 x{options.speed}"} if options.speed > 1 else {}
            log = machine.start("slod", [options.slod, "run", "--config", config(machine, ports, options.cpu_above)], clock)
            address = wait_for(log, r"listening on (http://[\d.:]+)")
            for name in options.scenarios:
                for _ in range(SCENARIOS[name].clients):
                    threading.Thread(target=drive, args=(SCENARIOS[name], ports[name], stopped), daemon=True).start()
            found = watch(address, options.scenarios, options.minutes, options.speed)
        finally:
            stopped.set()
            machine.end()
    report(found)


def report(found):
    wrong = False
    print("| service | sign | after | evidence |\n| --- | --- | ---: | --- |")
    for name, signs in found.items():
        wanted = SCENARIOS[name].signs
        wrong |= signs.keys() != wanted
        for sign in sorted(wanted | signs.keys()):
            after, evidence = signs.get(sign, (None, "not found"))
            note = "" if sign in wanted else " (not expected)"
            print(f"| {name} | `{sign}`{note} | {'-' if after is None else f'{after:.1f} min'} | {evidence} |")
        if not wanted | signs.keys():
            print(f"| {name} | none | - | |")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
