"""An engine that goes wrong in one way, for releases that must be taken back: `python faulty_engine.py WAY PORT`.

It answers the first prompts well, as a release that passes its golden prompt does.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

_WELL = 4
_ANSWER = {"model": "tiny", "choices": [{"message": {"role": "assistant", "content": "well"}}], "usage": {}}
_asked = count(1)


class Engine(BaseHTTPRequestHandler):
    """Answers, until it goes wrong."""

    protocol_version = "HTTP/1.1"
    way = "errors"

    def do_GET(self) -> None:
        """Tell how it is."""
        self._say(503 if self.way == "hangs at its start" else 200, {"status": "ok"})

    def do_POST(self) -> None:
        """Answer a prompt."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if next(_asked) > _WELL:
            if self.way == "dies under load":
                os._exit(1)
            if self.way == "errors":
                self._say(500, {"error": "out of order"})
                return
            if self.way == "slow":
                time.sleep(6)
        self._say(200, {**_ANSWER, "id": str(time.time()), "object": "chat.completion", "created": int(time.time())})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _say(self, status: int, document: object) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    Engine.way = sys.argv[1]
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), Engine).serve_forever()
