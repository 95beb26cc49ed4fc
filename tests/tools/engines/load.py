"""What the stand-ins of k6 and Locust share: requests, and the load of a plan.

The tools themselves cannot be installed where these tests run. A stand-in sends the load of the script
that it is given, and writes what it did in the form that the tool documents.
"""

import http.client
import threading
import time
import urllib.parse


class Client:
    """One connection, as a user of either tool keeps it."""

    def __init__(self, origin):
        self.host = urllib.parse.urlsplit(origin).netloc
        self.connection = None

    def send(self, method, path, headers, body):
        """The status and the text of the answer; an exception if there is none."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            self.connection.request(method, path, body=body, headers=headers)
            answer = self.connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except Exception:
            self.connection = None
            raise


class Users:
    """Users that come and go as a level asks for."""

    def __init__(self, work):
        self.work = work
        self.wanted = 0
        self.threads = []
        self.lock = threading.Lock()

    def count(self):
        return self.wanted

    def scale(self, wanted):
        wanted = round(wanted)
        with self.lock:
            self.wanted = wanted
            while len(self.threads) < wanted:
                number = len(self.threads)
                thread = threading.Thread(target=self.live, args=(number,), daemon=True)
                self.threads.append(thread)
                thread.start()

    def live(self, number):
        user = self.work()
        while True:
            if number < self.wanted:
                next(user)
            elif self.wanted < 0:
                return
            else:
                time.sleep(0.01)

    def end(self):
        """Waits for the requests in flight."""
        self.wanted = -1
        for thread in self.threads:
            thread.join()


class Starts:
    """Iterations that start at a rate, by users that are free; others are dropped."""

    def __init__(self, work, most, drop):
        self.work, self.most, self.drop = work, most, drop
        self.free, self.threads, self.users = [], [], 0
        self.due, self.before = 0.0, time.monotonic()

    def count(self):
        return self.users

    def scale(self, rate):
        now = time.monotonic()
        self.due += rate * (now - self.before)
        self.before = now
        while self.due >= 1:
            self.due -= 1
            if not self.free and self.users >= self.most:
                self.drop()
                continue
            if not self.free:
                self.users += 1
                self.free.append(self.work())
            self.threads = [one for one in self.threads if one.is_alive()]
            thread = threading.Thread(target=self.iterate, args=(self.free.pop(),), daemon=True)
            self.threads.append(thread)
            thread.start()

    def iterate(self, user):
        next(user)
        self.free.append(user)

    def end(self):
        """Waits for the requests in flight."""
        for thread in self.threads:
            thread.join()
