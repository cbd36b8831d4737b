"""The injector's entry: runs one order and prints one answer."""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import zlib
from typing import TYPE_CHECKING

from . import bridged, dhcp_names, routed

if TYPE_CHECKING:
    from typing import Any

RUNS = {"bridged": bridged.run, "names": dhcp_names.run, "routed": routed.run}


def main() -> None:
    """Run the order in the first argument within its seconds; print the answer."""
    order = json.loads(zlib.decompress(base64.b64decode(sys.argv[1])).decode())
    signal.alarm(order["seconds"])  # ends a process that hangs, and its sockets
    text = json.dumps(answer(order))
    packed = base64.b64encode(zlib.compress(text.encode(), 6)).decode()
    sys.stdout.write(f"<lxdsec\n{packed}\nlxdsec>\n")
    sys.stdout.flush()


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Return the result of an order, or the reason for having none."""
    if os.geteuid() != 0:
        return {"error": f"the shell logs in as user id {os.geteuid()}, not root"}
    try:
        return {"value": RUNS[order["kind"]](order)}
    except (OSError, RuntimeError) as error:
        return {"error": str(error)}
