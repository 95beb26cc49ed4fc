#!/usr/bin/env python3
"""Compares the verdicts of slod, curl and blackbox_exporter on the same servers with unusual responses.

Usage: benches/agree.py [--slod target/debug/slod] [--only NAME]

Needs curl and prometheus-blackbox-exporter (Debian packages) on PATH. One process serves all cases on
127.0.0.1. Prints a Markdown table with a row per case, and exits with 1 if slod differs from both others
without a reason in docs/PROBING.md (`why` below).
"""
import argparse
import gzip
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMEOUT = 3
OK = b"HTTP/1.1 200 OK\r\n"


def answer(body=b"ok", fields="", status="200 OK"):
    head = f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def coded(coding, body):
    return answer(body, f"Content-Encoding: {coding}\r\n")


def bare(status, fields):
    return f"HTTP/1.1 {status}\r\n{fields}\r\n".encode()


def cookie_wall(attributes, wanted=b"sid=1"):
    def reply(request):
        if wanted in request:
            return answer(b"welcome")
        path = request.split(b" ")[1].decode()
        return bare("302 Found", f"Set-Cookie: sid=1{attributes}\r\nLocation: {path}\r\nContent-Length: 0\r\n")

    return reply


def upgrade(request):
    if b"connection: upgrade" in request.lower():
        return bare("101 Switching Protocols", "Upgrade: websocket\r\nConnection: Upgrade\r\n")
    return bare("426 Upgrade Required", "Content-Length: 0\r\n")


def echo(request):
    return answer(request)


@dataclass
class Case:
    name: str
    reply: object
    status: list = field(default_factory=lambda: [200])
    body: str = None
    body_not: str = None
    headers: dict = field(default_factory=dict)
    method: str = "GET"
    data: str = None
    coding: str = None
    expect_header: tuple = None
    redirects: bool = True
    # Reasons for intentional differences from both other programs.
    why: str = None


FIELDS = "".join(f"X-{n}: v\r\n" for n in range(150))
MANY = "".join(f"X-{n}: v\r\n" for n in range(1900))
TWO = gzip.compress(b"first ") + gzip.compress(b"DATABASE DOWN")
UTF16 = "\ufeffDATABASE DOWN".encode("utf-16-le")
REPLIES = {}

CASES = [
    # Responses without a body.
    Case("gzip-head", bare("200 OK", "Content-Encoding: gzip\r\nContent-Length: 500\r\n"), method="HEAD"),
    Case("gzip-204", bare("204 No Content", "Content-Encoding: gzip\r\n"), status=[204]),
    Case("br-204", bare("204 No Content", "Content-Encoding: br\r\n"), status=[204]),
    Case("gzip-304", bare("304 Not Modified", "Content-Encoding: gzip\r\n"), status=[304]),
    Case("gzip-empty", coded("gzip", b"")),
    Case("gzip-302", bare("302 Found", "Content-Encoding: gzip\r\nLocation: /plain\r\nContent-Length: 0\r\n")),
    # Content encodings.
    Case("gzip", coded("gzip", gzip.compress(b"DOWN")), body="DOWN", coding="gzip"),
    Case("gzip-two-members", coded("gzip", TWO), body="DOWN", coding="gzip"),
    Case("gzip-two-members-not", coded("gzip", TWO), body_not="DOWN", coding="gzip"),
    Case("gzip-cut", coded("gzip", gzip.compress(os.urandom(400))[:200]), body_not="DOWN", coding="gzip"),
    Case("gzip-damaged", coded("gzip", b"plain text"), body_not="DOWN", coding="gzip"),
    Case("gzip-trailing", coded("gzip", gzip.compress(b"fine") + b"DOWN"), body_not="DOWN", coding="gzip"),
    Case("gzip-identity-list", coded("gzip, identity", gzip.compress(b"DOWN")), body="DOWN", coding="gzip"),
    Case("deflate-zlib", coded("deflate", zlib.compress(b"DOWN")), body="DOWN", coding="deflate"),
    Case("deflate-raw", coded("deflate", raw_deflate(b"DOWN")), body="DOWN", coding="deflate"),
    Case("deflate-gzip-list", coded("deflate, gzip", gzip.compress(zlib.compress(b"DOWN"))), body="DOWN"),
    Case("coding-none", coded("none", b"DOWN"), body="DOWN"),
    Case("coding-unknown", coded("odd", b"\x01\x02"), body_not="DOWN"),
    # Charsets.
    Case("utf16-mark", answer(UTF16), body_not="DOWN",
         why="the text is decoded before it is searched"),
    Case("utf16-charset", answer(UTF16[2:], "Content-Type: text/plain; charset=utf-16le\r\n"), body_not="DOWN",
         why="the text is decoded before it is searched"),
    Case("latin1", answer("Störung".encode("latin-1"), "Content-Type: text/plain; charset=iso-8859-1\r\n"),
         body_not="Störung", why="the text is decoded before it is searched"),
    Case("utf8-mark", answer(b"\xef\xbb\xbfok"), body="^ok$", why="a byte order mark is not text"),
    Case("invalid-utf8", answer(b"\xff\xfe\xfdDOWN"), body_not="DOWN"),
    # Heads.
    Case("150-fields", answer(fields=FIELDS)),
    Case("1900-fields", answer(fields=MANY)),
    Case("head-90k", answer(fields="X-Long: " + "v" * 90_000 + "\r\n")),
    Case("folded-line", answer(fields="X-Fold: a;\r\n  b\r\n")),
    Case("space-before-colon", answer(fields="X-Powered-By : x\r\n")),
    Case("php-warning", answer(fields="PHP Warning: something\r\n")),
    Case("no-colon", answer(fields="nonsense\r\n"), why="browsers skip the line"),
    Case("brackets", answer(fields="X[0]: v\r\n")),
    Case("latin1-value", answer(fields="X-Name: J\xfcrgen\r\n")),
    Case("lf-only", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    Case("no-reason", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
    Case("http10", b"HTTP/1.0 200 OK\r\n\r\nok", body="ok"),
    Case("http10-chunked", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    Case("http12", b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    Case("http2-line", b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    Case("icy", b"ICY 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    Case("lowercase-version", b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    Case("double-space-status", b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok"),
    Case("blank-line-first", b"\r\n" + answer(), why="empty lines before an answer are skipped"),
    Case("first-field-indented", answer(fields=" X-First: v\r\n"), why="browsers skip the line"),
    Case("nul-in-value", answer(fields="X-Nul: a\x00b\r\n")),
    Case("http09", b"just text\n"),
    Case("status-999", answer(status="999 Odd"), status=[999]),
    Case("status-099", answer(status="099 Odd")),
    Case("early-hints", bare("103 Early Hints", "Link: </x>\r\n") + answer()),
    Case("continue", bare("100 Continue", "") + answer()),
    # The end of the body.
    Case("length-twice", OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", body="^ok$"),
    Case("length-conflict", OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk"),
    Case("length-list", OK + b"Content-Length: 2, 2\r\n\r\nok", body="^ok$"),
    Case("length-plus", OK + b"Content-Length: +2\r\n\r\nok"),
    Case("length-empty", OK + b"Content-Length:\r\n\r\nok"),
    Case("length-negative", OK + b"Content-Length: -1\r\n\r\nok"),
    Case("length-too-long", OK + b"Content-Length: 100\r\n\r\nok"),
    Case("chunked-and-length", OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    Case("chunks-cut", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nok"),
    Case("chunk-extension", OK + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n", body="^ok$"),
    Case("chunk-trailer", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: v\r\n\r\n", body="^ok$"),
    Case("until-close", OK + b"\r\nok", body="^ok$"),
    Case("nothing", b""),
    Case("ssh-banner", b"SSH-2.0-OpenSSH_9.6\r\n"),
    # Redirects and cookies.
    Case("cookie-wall", cookie_wall("; Path=/")),
    Case("cookie-secure", cookie_wall("; Path=/; Secure")),
    Case("cookie-other-domain", cookie_wall("; Path=/; Domain=other.test")),
    Case("cookie-own-address", cookie_wall("; Path=/; Domain=127.0.0.1")),
    Case("cookie-expired", cookie_wall("; Path=/; Max-Age=0")),
    Case("redirect-loop", bare("302 Found", "Location: /redirect-loop\r\nContent-Length: 0\r\n")),
    Case("redirect-no-location", bare("302 Found", "Content-Length: 0\r\n"), status=[302]),
    Case("redirect-utf8", bare("302 Found", "Location: /plain?\xfc\r\nContent-Length: 0\r\n")),
    Case("redirect-ftp", bare("302 Found", "Location: ftp://127.0.0.1:1/\r\nContent-Length: 0\r\n")),
    Case("plain", answer()),
    # Requests as configured.
    Case("host-header", echo, headers={"Host": "lab.test"}, body="Host: lab.test"),
    Case("upgrade-101", upgrade, status=[101], headers={"Connection": "Upgrade", "Upgrade": "websocket"}),
    Case("title-case", echo, headers={"X-Api-Key": "1.10"}, body="X-Api-Key: 1\\.10"),
    Case("post-body", echo, method="POST", data="a=1", body="a=1$"),
    Case("expect-header", answer(fields="X-State: ready\r\n"), expect_header=("X-State", "^ready$")),
]


def serve(connection):
    with connection:
        connection.settimeout(TIMEOUT)
        try:
            request = b""
            while b"\r\n\r\n" not in request:
                chunk = connection.recv(65536)
                if not chunk:
                    return
                request += chunk
            head, _, body = request.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            while length and len(body) < int(length[1]):
                body += connection.recv(65536)
            path = request.split(b" ")[1].decode().split("?")[0].strip("/")
            reply = REPLIES[path]
            data = reply(head + b"\r\n\r\n" + body) if callable(reply) else reply
            if head.startswith(b"HEAD") and b"\r\n\r\n" in data:
                data = data[: data.index(b"\r\n\r\n") + 4]
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
        except (OSError, LookupError):
            pass


def listen():
    server = socket.create_server(("127.0.0.1", 0), backlog=128)

    def accept():
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def by_slod(binary, folder, cases, base):
    probes = []
    for case in cases:
        expect = {"status": case.status}
        if case.body:
            expect["body"] = case.body
        if case.body_not:
            expect["body_not"] = case.body_not
        if case.expect_header:
            expect["headers"] = dict([case.expect_header])
        http = {"url": base + case.name, "method": case.method, "expect": expect}
        if case.headers:
            http["headers"] = case.headers
        if case.data:
            http["body"] = case.data
        probes.append({"name": case.name, "timeout": f"{TIMEOUT}s", "http": http})
    config = folder / "slod.yaml"
    # JSON is YAML.
    service = {"name": "s", "objectives": [], "probes": probes}
    config.write_text(json.dumps({"services": [service]}, ensure_ascii=False))
    verdicts = {}
    for case in cases:
        command = [binary, "probe", "--config", config, f"s/{case.name}"]
        done = subprocess.run(command, capture_output=True, text=True)
        said = [line for line in done.stdout.splitlines() if "GOOD" in line or "BAD" in line]
        verdicts[case.name] = (done.returncode == 0, said[-1].strip() if said else done.stderr[-200:])
    return verdicts


def by_curl(cases, base):
    verdicts = {}
    for case in cases:
        command = ["curl", "-sS", "-i", "-L", "--compressed", "--cookie", "", "--max-redirs", "10",
                   "--max-time", str(TIMEOUT), "-o", "-", "-w", "\n%{http_code}", base + case.name]
        command += ["-I"] if case.method == "HEAD" else ["-X", case.method] if case.data else []
        for name, value in case.headers.items():
            command += ["-H", f"{name}: {value}"]
        if case.data:
            command += ["--data-raw", case.data]
        done = subprocess.run(command, capture_output=True)
        output, _, status = done.stdout.rpartition(b"\n")
        # The head of the last response, and its body.
        _, _, rest = output.rpartition(b"HTTP/1.")
        head, _, body = rest.replace(b"\r\n", b"\n").partition(b"\n\n")
        good = done.returncode == 0 and int(status or 0) in case.status
        if case.body:
            good = good and bool(re.search(b"(?m)" + case.body.encode(), body or head))
        if case.body_not:
            good = good and not re.search(case.body_not.encode(), body)
        if case.expect_header:
            name, wanted = case.expect_header
            values = re.findall(rb"(?im)^" + name.encode() + rb":\s*(.*)$", head)
            good = good and any(re.search(wanted.encode(), value) for value in values)
        verdicts[case.name] = (good, f"exit {done.returncode}, status {status.decode()}")
    return verdicts


def by_blackbox(folder, cases, base):
    modules = {}
    for case in cases:
        http = {"valid_status_codes": case.status, "method": case.method, "follow_redirects": True,
                "preferred_ip_protocol": "ip4"}
        if case.body:
            http["fail_if_body_not_matches_regexp"] = [case.body]
        if case.body_not:
            http["fail_if_body_matches_regexp"] = [case.body_not]
        if case.headers:
            http["headers"] = case.headers
        if case.data:
            http["body"] = case.data
        if case.coding:
            http["compression"] = case.coding
        if case.expect_header:
            name, wanted = case.expect_header
            http["fail_if_header_not_matches"] = [{"header": name, "regexp": wanted}]
        modules[case.name] = {"prober": "http", "timeout": f"{TIMEOUT}s", "http": http}
    config = folder / "blackbox.yml"
    config.write_text(json.dumps({"modules": modules}, ensure_ascii=False))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["prometheus-blackbox-exporter", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    log = (folder / "blackbox.log").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        at = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{at}/-/healthy", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        else:
            sys.exit((folder / "blackbox.log").read_text()[-2000:])
        verdicts = {}
        for case in cases:
            query = urllib.parse.urlencode({"module": case.name, "target": base + case.name, "debug": "true"})
            text = urllib.request.urlopen(f"{at}/probe?{query}", timeout=10).read().decode()
            said = re.findall(r'level=(?:error|warn).*?msg="?([^"\n]*).*?(?:err="(.*?)")?$', text, re.M)
            verdicts[case.name] = ("\nprobe_success 1" in text, str(said[-1:]))
        return verdicts
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slod", default=ROOT / "target/debug/slod")
    parser.add_argument("--only")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    cases = [case for case in CASES if not options.only or options.only == case.name]
    REPLIES.update({case.name: case.reply for case in CASES})
    base = f"http://127.0.0.1:{listen()}/"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        slod = by_slod(pathlib.Path(options.slod).resolve(), folder, cases, base)
        curl = by_curl(cases, base)
        blackbox = by_blackbox(folder, cases, base)
    print("| case | slod | curl | blackbox | |")
    print("|---|---|---|---|---|")
    alone = []
    for case in cases:
        seen = [verdicts[case.name][0] for verdicts in (slod, curl, blackbox)]
        differs = seen[0] != seen[1] and seen[0] != seen[2]
        if differs and not case.why:
            alone.append(case.name)
        remark = case.why or "UNEXPLAINED" if differs else "" if len(set(seen)) == 1 else "the others differ"
        words = " | ".join("good" if good else "bad" for good in seen)
        print(f"| {case.name} | {words} | {remark} |")
        if options.verbose:
            print(f"    {slod[case.name][1]}\n    {curl[case.name][1]}\n    {blackbox[case.name][1]}")
    agreed = sum(slod[case.name][0] in (curl[case.name][0], blackbox[case.name][0]) for case in cases)
    print(f"\n{len(cases)} cases: slod agrees with curl or blackbox_exporter in {agreed}.")
    if alone:
        sys.exit(f"slod stands alone without a reason: {', '.join(alone)}")


if __name__ == "__main__":
    main()
