#!/usr/bin/env python3
"""A managed identity and a storage account that knows it, for scripts/demo-station.

  identity.py PORT

Both answer at http://127.0.0.1:PORT. /token is the endpoint of an App Service (IDENTITY_ENDPOINT) with the header secret
`demo-header` (IDENTITY_HEADER): it has a system-assigned identity, and the user-assigned one with the client id `reader`. The
account lets both list and read, and neither write, as with the role Storage Blob Data Reader. It has no blobs.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

EMPTY_LIST = '<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs/><NextMarker/></EnumerationResults>'


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def say(self, status, body="", error=None):
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if error:
            self.send_header("x-ms-error-code", error)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def token(self, query):
        if self.headers.get("X-IDENTITY-HEADER") != "demo-header":
            return self.say(401)
        if query.get("client_id", ["reader"]) != ["reader"]:
            problem = {"error": "invalid_request", "error_description": "Identity not found"}
            return self.say(400, json.dumps(problem))
        expires = str(int(time.time()) + 3600)
        return self.say(200, json.dumps({"access_token": "demo-token", "expires_on": expires}))

    def do_GET(self):
        url = urlparse(self.path)
        query = parse_qs(url.query)
        if url.path == "/token":
            return self.token(query)
        if self.headers.get("Authorization") != "Bearer demo-token":
            return self.say(403, error="AuthenticationFailed")
        if query.get("comp") == ["list"]:
            return self.say(200, EMPTY_LIST)
        return self.say(404, error="BlobNotFound")

    do_HEAD = do_GET

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.say(403, error="AuthorizationPermissionMismatch")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
