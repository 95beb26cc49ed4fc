#!/usr/bin/env python3
"""A service with known limits: requests wait in a single queue for one of several workers.

    python3 benches/fifo.py [--workers 4] [--ms 50] [--random] [--ms-per-minute 0] [--bytes-kept 0]

Prints its port. Every request occupies a worker for the service time, which is fixed, or exponential with `--random`,
and increases by `--ms-per-minute`. Each request leaks `--bytes-kept` of memory, and is counted on /metrics. A single
client never waits; N users with the think time Z get min(N / (Z + service time), workers / service time) responses
per second.
"""
import argparse
import asyncio
import heapq
import random
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Service:
    def __init__(self, args):
        self.args, self.kept, self.answered = args, [], 0
        self.began, self.random = time.monotonic(), random.Random(1)
        # When each worker becomes free. A request is assigned on arrival, so that a late timer does not delay others.
        self.free = [0.0] * args.workers

    def seconds(self, now):
        mean = (self.args.ms + self.args.ms_per_minute * (now - self.began) / 60) / 1000
        return self.random.expovariate(1 / mean) if self.args.random else mean

    async def talk(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"GET /metrics "):
                    page = f"# TYPE http_requests_total counter\nhttp_requests_total{{code=\"200\"}} {self.answered}\n"
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page.encode()))
                    continue
                now = time.monotonic()
                end = max(now, self.free[0]) + self.seconds(now)
                heapq.heapreplace(self.free, end)
                self.kept.append(random.randbytes(self.args.bytes_kept))
                await asyncio.sleep(end - now)
                self.answered += 1
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--ms", type=float, default=50)
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--ms-per-minute", type=float, default=0)
    parser.add_argument("--bytes-kept", type=int, default=0)
    server = await asyncio.start_server(Service(parser.parse_args()).talk, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
