"""An SMTP server like those of providers: STARTTLS before anything else, a login, and greylisting.

Arguments: a port, a certificate and its key. The first line of the output reports that it listens; each further
line is an accepted mail with its recipients, as JSON. A recipient whose name starts with `grey` is rejected
temporarily for some seconds, one that starts with `gone` is always rejected.
"""

import json
import logging
import ssl
import sys
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

GREYLISTED = 5


class Mailbox:
    def __init__(self):
        self.seen = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 5.1.1 no such user"
        seen = self.seen.setdefault(address, time.monotonic())
        if address.startswith("grey") and time.monotonic() < seen + GREYLISTED:
            return "450 4.2.0 greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        mail = {"to": envelope.rcpt_tos, "text": envelope.content.decode()}
        print(json.dumps(mail), flush=True)
        return "250 2.0.0 queued"


def authenticate(server, session, envelope, mechanism, data):
    known = LoginPassword(b"slod", b"example-password")
    # Not handled here: the server still has to reply.
    return AuthResult(success=data == known, handled=False)


logging.getLogger("mail.log").setLevel(logging.ERROR)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[2:4])
controller = Controller(
    Mailbox(),
    hostname="127.0.0.1",
    port=int(sys.argv[1]),
    tls_context=context,
    require_starttls=True,
    auth_required=True,
    authenticator=authenticate,
    ready_timeout=60,
)
controller.start()
print("ready", flush=True)
threading.Event().wait()
