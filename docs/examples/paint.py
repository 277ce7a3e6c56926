"""python paint.py [URL] CONTENT STYLE [STYLE ...]: paint on a running server, keep its frames and the painting."""

import sys
from pathlib import Path

from duostyle.client import Client, Frame

client = Client(sys.argv.pop(1) if sys.argv[1].startswith("http") else "http://127.0.0.1:8000")
content, *styles = (client.upload(Path(name).read_bytes()) for name in sys.argv[1:])
for event in client.paint(content, styles, {"size": 384}, frames={"max_px": 384}):
    if isinstance(event, Frame):
        Path("frame.jpg").write_bytes(event.image)
    else:
        print(event)
        if event["type"] == "completed":
            Path("painting.png").write_bytes(client.result(event["job"]))
