"""Requests with JSON, by the standard library alone."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

SECONDS_FOR_A_REQUEST = 60.0


class RequestFailed(Exception):
    """The server's answer was an error; `text` is what it said, causes included."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status, self.text = status, text


def call(method: str, url: str, body: object = None) -> Any:
    """One request, and what was answered."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_FOR_A_REQUEST) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode(errors="replace")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            text = "\n".join(json.loads(text)["errors"])
        raise RequestFailed(error.code, text) from None
    return json.loads(text) if text else None


def wait_for(what: str, seconds: float, probe: Callable[[], Any], pause: float = 0.05) -> Any:
    """The first answer of `probe` that is true; servers that are not up count as no answer."""
    end = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except (OSError, RequestFailed) as error:
            last = error
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s, at last {last!r}")
        time.sleep(pause)
