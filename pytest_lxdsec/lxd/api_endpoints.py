"""Which API endpoints LXD must not answer to a stranger; pure data.

Read from the handlers of LXD (lxd/api_*.go and their `AllowUntrusted`, at 5.0.2, 5.21.7 and
6.9): everything under /1.0 is protected but the exceptions, which are not listed here. A path
without a handler is never asked, for LXD answers it before it asks who is there.
"""

from __future__ import annotations

from collections.abc import Collection

OPEN = "/1.0"  # tells a stranger that there is a LXD, and nothing of its configuration

PROTECTED = (
    "/1.0/certificates",
    "/1.0/cluster",
    "/1.0/events",
    "/1.0/instances",
    "/1.0/metrics",
    "/1.0/networks",
    "/1.0/operations",
    "/1.0/profiles",
    "/1.0/projects",
    "/1.0/resources",
    "/1.0/storage-pools",
    "/1.0/warnings",
)
# API extension that announces an endpoint: shared/version/api.go.
PROTECTED_WITH: tuple[tuple[str, str], ...] = (
    ("network_acl", "/1.0/network-acls"),
    ("projects_networks_zones", "/1.0/network-zones"),
    ("access_management", "/1.0/auth/groups"),
    ("access_management", "/1.0/auth/identities"),
    ("access_management", "/1.0/auth/permissions"),
    ("auth_oidc_sessions", "/1.0/auth/oidc-sessions"),
    ("cluster_links", "/1.0/cluster/links"),
)


def protected(extensions: Collection[str]) -> tuple[str, ...]:
    """Return the protected endpoints of a server that announces these API extensions."""
    added = tuple(path for extension, path in PROTECTED_WITH if extension in extensions)
    return PROTECTED + added
