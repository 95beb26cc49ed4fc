#!/usr/bin/env python3
"""Measures slod against blackbox_exporter + Prometheus with SLO recording rules, on one machine.

Usage: benches/compare.py [--targets 1000] [--seconds 180] [--only slod|peers]

Needs prometheus and prometheus-blackbox-exporter (Debian packages) on PATH, and the release build:
    cargo build --profile dist --bin slod --example target
Prints CPU seconds per second and resident memory of each process over the measured time, which
starts after a warm-up of one minute. All traffic stays on 127.0.0.1.
"""
import argparse
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "dist"
TICK = os.sysconf("SC_CLK_TCK")
WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def slod_config(folder, target, count, port):
    services = "".join(
        f"  - name: s{n}\n    probes: [ {{ name: http, http: {{ url: \"http://{target}/t/{n}\" }} }} ]\n" for n in range(count)
    )
    text = f"""listen: 127.0.0.1:{port}
store: {{ path: {folder}/slod.db, retention: 40d }}
defaults:
  interval: 10s
  timeout: 5s
  objectives:
    - {{ name: availability, sli: availability, target: 99.9%, window: 30d, budgeting: timeslices }}
    - {{ name: latency-p95, sli: latency, below: 500ms, target: 95%, window: 30d }}
    - {{ name: latency-p99, sli: latency, below: 1s, target: 99%, window: 30d }}
    - {{ name: errors, sli: success, target: 99.9%, window: 30d }}
services:
{services}"""
    path = folder / "slod.yaml"
    path.write_text(text)
    return path


def peers_config(folder, target, count, blackbox_port):
    (folder / "blackbox.yml").write_text("modules: { http_2xx: { prober: http, timeout: 5s, http: { preferred_ip_protocol: ip4 } } }\n")
    rules = "".join(f"      - {{ record: 'target:probe_errors:ratio_rate{w}', expr: '1 - avg_over_time(probe_success[{w}])' }}\n" for w in WINDOWS)
    (folder / "rules.yml").write_text(f"groups:\n  - name: slo\n    interval: 30s\n    rules:\n{rules}")
    targets = "\n".join(f"          - http://{target}/t/{n}" for n in range(count))
    (folder / "prometheus.yml").write_text(f"""global: {{ scrape_interval: 10s, scrape_timeout: 5s, evaluation_interval: 30s }}
rule_files: [ rules.yml ]
scrape_configs:
  - job_name: blackbox
    metrics_path: /probe
    params: {{ module: [http_2xx] }}
    static_configs:
      - targets:
{targets}
    relabel_configs:
      - {{ source_labels: [__address__], target_label: __param_target }}
      - {{ source_labels: [__param_target], target_label: instance }}
      - {{ target_label: __address__, replacement: '127.0.0.1:{blackbox_port}' }}
""")


def start(command, folder, name):
    log = open(folder / f"{name}.log", "wb")
    return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)


def scrape(port):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return len(answer.read())


def measure(processes, seconds, scraped=None):
    """CPU and memory of the processes; slod is scraped every 15 s as Prometheus would."""
    before = {name: cpu_seconds(p.pid) for name, p in processes.items()}
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        time.sleep(15)
        if scraped:
            scrape(scraped)
    spent = time.monotonic() - started
    return {name: ((cpu_seconds(p.pid) - before[name]) / spent, rss_mb(p.pid)) for name, p in processes.items()}


def lag_p99(port):
    """Upper bound in seconds of the bucket with the 99th percentile of the schedule's lag."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    buckets = [line for line in lines if line.startswith("slod_schedule_lag_seconds_bucket")]
    total = float(buckets[-1].split()[-1]) if buckets else 0.0
    for line in buckets:
        if total and float(line.split()[-1]) >= 0.99 * total:
            return line.split('le="')[1].split('"')[0]
    return "unknown"


def stop(processes):
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--only", choices=["slod", "peers"])
    args = parser.parse_args()
    probes_per_second = args.targets / 10
    with tempfile.TemporaryDirectory(prefix="slod-bench-") as name:
        folder = pathlib.Path(name)
        server = subprocess.Popen([BIN / "examples/target"], stdout=subprocess.PIPE, text=True)
        target = server.stdout.readline().strip()
        try:
            if args.only != "peers":
                port = free_port()
                slod = start([BIN / "slod", "run", "--config", slod_config(folder, target, args.targets, port)], folder, "slod")
                time.sleep(60)
                for who, (cpu, rss) in measure({"slod": slod}, args.seconds, port).items():
                    print(f"{who:<12} {cpu:.4f} CPU-s/s  {cpu / probes_per_second * 1000:.3f} ms CPU per probe  {rss:.1f} MB", flush=True)
                print(f"{'':<12} schedule lag p99 <= {lag_p99(port)} s", flush=True)
                stop([slod])
            if args.only != "slod":
                port, web = free_port(), free_port()
                peers_config(folder, target, args.targets, port)
                blackbox = start(["prometheus-blackbox-exporter", "--config.file=blackbox.yml", f"--web.listen-address=127.0.0.1:{port}"], folder, "blackbox")
                prometheus = start(["prometheus", "--config.file=prometheus.yml", f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{web}"], folder, "prometheus")
                time.sleep(60)
                both = measure({"blackbox": blackbox, "prometheus": prometheus}, args.seconds)
                for who, (cpu, rss) in both.items():
                    print(f"{who:<12} {cpu:.4f} CPU-s/s  {rss:.1f} MB", flush=True)
                cpu, rss = (sum(values) for values in zip(*both.values()))
                print(f"{'both':<12} {cpu:.4f} CPU-s/s  {cpu / probes_per_second * 1000:.3f} ms CPU per probe  {rss:.1f} MB", flush=True)
                stop([blackbox, prometheus])
        finally:
            server.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
