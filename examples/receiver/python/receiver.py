"""A receiver of waves that has each of them once, however often it is asked: with it a Sender may say keyed.

    SIGNING_KEY=whsec_… python3 receiver.py 127.0.0.1:8090 FILE

A job is a row whose primary key is the idempotency key, and the database makes it at most once. Whatever sends the messages takes
its work from that table, in the same database, and never deletes a row younger than the retention that the Sender declares.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST = 64 * 1024  # a body of Headroom is no longer
TOLERANCE = 5 * 60  # seconds: a request that was signed longer ago may have been kept by somebody
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_signed(signing, headers, body):
    """Whether it is from whoever has the signing key, as Standard Webhooks 1.0 has it."""
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > TOLERANCE:
        return False
    signed = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(signing, signed, hashlib.sha256).digest()).decode()
    # While a key is being changed there are two signatures.
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(one.encode(), wanted.encode()) for one in given)


def take(file, key, body):
    """Makes the job, unless it is there. Whether what is there now says the same."""
    with sqlite3.connect(file, timeout=10) as database:
        # The one step that decides: a row is made with all of its content, or is there.
        database.execute("INSERT INTO jobs (key, body, taken) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (key, body, time.time()))
        (there,) = database.execute("SELECT body FROM jobs WHERE key = ?", (key,)).fetchone()
    database.close()
    return there == body


class Receiver(BaseHTTPRequestHandler):
    file, signing = None, None

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LONGEST:
            return self.answer(413, {"error": "a body has a Content-Length, of at most 64 KiB"})
        body = self.rfile.read(int(length))
        key = self.headers.get("Idempotency-Key", "")
        if self.signing and not (self.headers.get("webhook-id") == key and is_signed(self.signing, self.headers, body)):
            return self.answer(401, {"error": "the signature is not right"})
        try:
            recipients = json.loads(body)["wave"]["recipients"]
        except (ValueError, KeyError, TypeError):
            recipients = None
        if not UUID.fullmatch(key) or not isinstance(recipients, int):
            return self.answer(400, {"error": "a wave is JSON, under an Idempotency-Key that is a UUID"})
        try:
            same = take(self.file, key, body)
        except sqlite3.Error as error:
            # Not known to have stayed away: Headroom asks again under the same key.
            print(error, file=sys.stderr)
            return self.answer(500, {"error": "it cannot be stored"})
        if not same:
            return self.answer(422, {"error": "this key came with another body"})
        return self.answer(200, {"recipients": recipients})

    def log_message(self, *_):
        pass


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: receiver.py ADDRESS FILE")
    host, port = sys.argv[1].rsplit(":", 1)
    Receiver.file = sys.argv[2]
    if text := os.environ.get("SIGNING_KEY"):
        Receiver.signing = base64.b64decode(text.removeprefix("whsec_"))
    with sqlite3.connect(Receiver.file) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE IF NOT EXISTS jobs (key TEXT PRIMARY KEY, body BLOB NOT NULL, taken REAL NOT NULL)")
    server = ThreadingHTTPServer((host, int(port)), Receiver)
    print(f"listening on {server.server_address[0]}:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
