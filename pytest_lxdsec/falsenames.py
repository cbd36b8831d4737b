"""Names in DHCP requests that are not the instance's own: what the bridge's DNS made of them."""

from __future__ import annotations

CLAIMS = {"own": "lxdsec-false", "foreign": "lxdsec-foreign"}
