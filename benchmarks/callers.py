"""Ask a model through the site's door: `python callers.py ADDRESS HOST AUTHORITY RATE CALLERS TOKENS MESSAGES`.

The key is on stdin. Asks until that ends; each prompt is another one. With MESSAGES it is that many, always the same,
and asks for what there is not: the gateway reads them all, and refuses them without an engine. Prints a JSON line an
answer: `at`, its `status` (0 for none), its `track`, and the `seconds` it took. It is run in the lab's network, by
itself: it knows nothing of this project.
"""

import http.client
import json
import socket
import ssl
import sys
import threading
import time

_said = threading.Lock()


def main(address: str, host: str, authority: str, rate: float, callers: int, tokens: int, messages: int) -> None:
    """Ask, from so many threads, so many times a second together, for answers of so many tokens."""
    key = sys.stdin.readline().strip()
    context = ssl.create_default_context(cafile=authority)
    for number in range(callers):
        begin = time.monotonic() + number / rate
        ask = (address, host, context, key, begin, callers / rate, tokens, messages)
        threading.Thread(target=caller, args=ask, daemon=True).start()
    # Whoever began it closes its input to end it.
    sys.stdin.read()


def caller(
    address: str, host: str, context: ssl.SSLContext, key: str, begin: float, every: float, tokens: int, messages: int
) -> None:
    """Ask again and again, at its own moments, by one connection while that holds."""
    connection: http.client.HTTPConnection | None = None
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    # Made once, and short: who asks should cost the machine little beside who is asked.
    refused = request(tokens, ["x"] * messages, temperature=9)
    while True:
        time.sleep(max(0.0, begin - time.monotonic()))
        begin = max(begin + every, time.monotonic())
        # Nothing that was kept: each prompt is another one.
        body = refused if messages else request(tokens, [f"{time.time_ns()}"], temperature=0)
        at, status, track = time.time(), 0, ""
        began = time.monotonic()
        try:
            if connection is None:
                connection = http.client.HTTPConnection(host, 443, timeout=40)
                plain = socket.create_connection((address, 443), 5)
                plain.settimeout(40)
                connection.sock = context.wrap_socket(plain, server_hostname=host)
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            answer.read()
            status, track = answer.status, answer.headers.get("x-aip-track", "")
            if answer.headers.get("Connection", "").lower() == "close":
                connection = None
        except (OSError, http.client.HTTPException) as error:
            connection, track = None, type(error).__name__
        told = {"at": at, "status": status, "track": track, "seconds": round(time.monotonic() - began, 3)}
        with _said:
            print(json.dumps(told), flush=True)


def request(tokens: int, said: list[str], temperature: int) -> bytes:
    """Return the body of a request; no model has a temperature over 2."""
    messages = [{"role": "user", "content": content} for content in said]
    asked = {"model": "tiny", "messages": messages, "temperature": temperature, "max_tokens": tokens}
    return json.dumps(asked, separators=(",", ":")).encode()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), *map(int, sys.argv[5:8]))
