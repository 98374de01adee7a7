"""A receiver of webhooks with the specification's own library for Python. Prints its port, and for each request whether the
library takes it."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

webhook = Webhook(sys.argv[1])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = webhook.verify(body, headers)
            said = {"verified": True, "type": event["type"], "id": event["id"], "same": event["id"] == headers["webhook-id"]}
        except Exception as error:
            said = {"verified": False, "why": repr(error)}
        print(json.dumps(said), flush=True)
        self.send_response(204 if said["verified"] else 401)
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(json.dumps({"port": server.server_address[1]}), flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
