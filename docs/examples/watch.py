"""python watch.py CONTENT STYLE [STYLE ...]: paint, watch, keep the last frame; needs websockets. Ctrl-C cancels."""

import json
import sys
import urllib.request
from pathlib import Path

from websockets.sync.client import connect

ids = []
for name in sys.argv[1:]:
    request = urllib.request.Request("http://127.0.0.1:8000/api/images", Path(name).read_bytes())
    request.add_header("Content-Type", "application/octet-stream")
    ids.append(json.load(urllib.request.urlopen(request))["id"])
with connect("ws://127.0.0.1:8000/ws", subprotocols=["duostyle.v1"]) as socket:
    socket.send(json.dumps({"type": "submit", "content": ids[0], "styles": ids[1:], "params": {"size": 384}}))
    job, event = {}, {"type": "hello"}
    while event["type"] not in ("completed", "cancelled", "failed", "error"):
        try:
            if isinstance(message := socket.recv(), bytes):  # a frame: 4 bytes of header length, header, JPEG
                end = 4 + int.from_bytes(message[:4], "big")
                Path("frame.jpg").write_bytes(message[end:])
                socket.send(json.dumps({"type": "ack", **job, "seq": json.loads(message[4:end])["seq"]}))
                continue
            print(event := json.loads(message))
            if event["type"] == "accepted":
                job = {"job": event["job"], "key": event["key"]}
                socket.send(json.dumps({"type": "subscribe", **job, "frames": {"max_px": 384}}))
        except KeyboardInterrupt:
            socket.send(json.dumps({"type": "cancel", **job}))
