#!/usr/bin/env python3
"""Containers and blobs of an Azure Blob emulator, for scripts/demo-station: what a portal and a transfer service do.

  blobs.py URL create CONTAINER
  blobs.py URL sas CONTAINER PERMISSIONS [START] END    prints a SAS token
  blobs.py URL list CONTAINER [PREFIX]
  blobs.py URL copy FROM/NAME TO/NAME                   without metadata and MD5 sum
  blobs.py URL remove CONTAINER/NAME

URL is http://HOST:PORT/ACCOUNT. The key is the public one that every emulator has.
"""

import base64
import datetime
import hashlib
import hmac
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree

KEY = base64.b64decode(
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
VERSION = "2021-12-02"


def sign(text):
    return base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).decode()


def call(url, account, method, path, query=(), body=b"", headers=()):
    """Sends a request that is signed with the key of the account."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    own = {"x-ms-date": now, "x-ms-version": VERSION, **dict(headers)}
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(own.items()))
    target = urllib.parse.urlparse(f"{url}/{path}").path
    resource = f"/{account}{target}" + "".join(f"\n{name}:{value}" for name, value in sorted(query))
    length = str(len(body)) if body else ""
    # A body has a type, which urllib would otherwise choose after the signature.
    kind = "application/octet-stream" if body else ""
    text = f"{method}\n\n\n{length}\n\n{kind}\n\n\n\n\n\n\n{lines}{resource}"
    request = urllib.request.Request(
        f"{url}/{path}?{urllib.parse.urlencode(query)}", data=body or None, method=method
    )
    for name, value in own.items():
        request.add_header(name, value)
    if body:
        request.add_header("Content-Type", kind)
    if method == "PUT" and not body:
        request.add_header("Content-Length", "0")
    request.add_header("Authorization", f"SharedKey {account}:{sign(text)}")
    return urllib.request.urlopen(request, timeout=60).read()


def sas(account, container, permissions, start, end):
    fields = [permissions, start, end, f"/blob/{account}/{container}", "", "", "", VERSION, "c"] + [""] * 7
    query = {"sv": VERSION, "st": start, "se": end, "sr": "c", "sp": permissions, "sig": sign("\n".join(fields))}
    return urllib.parse.urlencode({name: value for name, value in query.items() if value})


def main(url, command, *arguments):
    account = url.rstrip("/").rsplit("/", 1)[1]
    quoted = [urllib.parse.quote(argument) for argument in arguments]
    if command == "create":
        call(url, account, "PUT", quoted[0], [("restype", "container")])
    elif command == "sas":
        container, permissions, *times = arguments
        start = times[0] if len(times) == 2 else ""
        print(sas(account, container, permissions, start, times[-1]))
    elif command == "list":
        query = [("comp", "list"), ("restype", "container")]
        if len(arguments) > 1:
            query.append(("prefix", arguments[1]))
        tree = xml.etree.ElementTree.fromstring(call(url, account, "GET", quoted[0], query))
        for name in tree.iter("Name"):
            print(name.text)
    elif command == "copy":
        content = call(url, account, "GET", quoted[0])
        call(url, account, "PUT", quoted[1], body=content, headers={"x-ms-blob-type": "BlockBlob"})
    elif command == "remove":
        call(url, account, "DELETE", quoted[0])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
