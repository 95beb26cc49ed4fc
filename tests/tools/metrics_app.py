#!/usr/bin/env python3
"""A real application with prometheus_client. Prints its port. GET /metrics is its page; GET /ok, /bad and /slow
are requests; GET /set?pool=9&breaker=1 sets gauges."""
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

REQUESTS = Counter("http_requests_total", "Requests.", ["method", "status"])
DURATION = Histogram("http_request_duration_seconds", "Duration.", buckets=[0.005, 0.02, 0.1, 0.5, 1])
POOL = Gauge("db_pool_connections_in_use", "Connections in use.")
POOL_MAX = Gauge("db_pool_connections_max", "Maximum.")
BREAKER = Gauge("circuit_breaker_open", "Open breakers.", ["name"])
POOL_MAX.set(10)
BREAKER.labels("payments").set(0)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlparse(self.path)
        if url.path == "/metrics":
            if "openmetrics" in self.headers.get("Accept", "").split(",")[0]:
                return self.answer(200, openmetrics.generate_latest(REGISTRY), openmetrics.CONTENT_TYPE_LATEST)
            return self.answer(200, generate_latest(), CONTENT_TYPE_LATEST)
        query = parse_qs(url.query)
        if "pool" in query:
            POOL.set(float(query["pool"][0]))
        if "breaker" in query:
            BREAKER.labels("payments").set(float(query["breaker"][0]))
        if url.path in ("/ok", "/bad", "/slow"):
            started = time.perf_counter()
            time.sleep(0.05 if url.path == "/slow" else 0)
            status = 500 if url.path == "/bad" else 200
            REQUESTS.labels("GET", str(status)).inc()
            DURATION.observe(time.perf_counter() - started)
        self.answer(200, b"done\n", "text/plain")

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
