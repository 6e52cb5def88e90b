"""The emulator's clock, set over its control API."""

from __future__ import annotations

import http.client
import json
import urllib.request

from stack.errors import StackError

TIMEOUT = 20.0


def set_speed(emulator_url: str, speed: float) -> None:
    """Have emulated time run `speed` times as fast as the wall's from now on; raises `StackError`."""
    data = json.dumps({"speed": speed}).encode()
    headers = {"Content-Type": "application/json"}
    call = urllib.request.Request(f"{emulator_url}/_emulator/clock", data, headers)  # noqa: S310  our own address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(call, timeout=TIMEOUT).close()
    except (OSError, http.client.HTTPException) as error:
        raise StackError(f"The emulator did not set its clock: {error}") from error
