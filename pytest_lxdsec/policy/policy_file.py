"""The policy file: what LXD's guide leaves to the site.

    [local]
    trusted_users = ["alice"]                    # may open LXD's socket: root on the host
    trusted_directories = ["sss"]                # give its group to nobody else
    [api]
    allowed_sources = ["192.0.2.0/24"]           # may reach the API's ports
    admins = ["3f2a...", "alice@example.org"]    # may do everything: fingerprints or names
    public_images = []                           # may be public; here: none
    [containers]
    sharing_groups = [["default/web*", "default/db1"]]  # may share user and group ids
    [os]
    index_max_age_days = 7
    [[waiver]]
    control = "LXD-UNP-01"
    subject = "instance/default/builder*"
    reason = "nested builds need it until the builders move to virtual machines"
    owner = "platform team"
    expires = 2027-01-31

What is not given is None, never empty: "nobody is an administrator" is a policy, silence is not.
"""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from .. import toml_reader
from ..errors import UserError
from . import waivers

OPTION = "--lxd-policy"
DEFAULT_INDEX_MAX_AGE_DAYS = 7
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A site's decisions; `Policy()` is that of a site without a policy file.

    Attributes:
        trusted_users: Users who may open LXD's unix socket.
        trusted_directories: Name services (`sss`) that give nobody else its group, and nobody at
            all an id of a container's, says the site.
        allowed_sources: Networks from which the API may be reached.
        admins: Fingerprints or names of clients that may be fully trusted.
        public_images: Fingerprints or aliases of images that may be public.
        sharing_groups: Groups of globs of `PROJECT/NAME`; instances of one group may share ids.
        index_max_age_days: How old a package index may be to be believed.
        waivers: Accepted risks, in the file's order.
    """

    trusted_users: tuple[str, ...] | None = None
    trusted_directories: tuple[str, ...] | None = None
    allowed_sources: tuple[Network, ...] | None = None
    admins: tuple[str, ...] | None = None
    public_images: tuple[str, ...] | None = None
    sharing_groups: tuple[tuple[str, ...], ...] | None = None
    index_max_age_days: int = DEFAULT_INDEX_MAX_AGE_DAYS
    waivers: tuple[waivers.Waiver, ...] = ()

    def check_controls(self, known: Collection[str]) -> None:
        """Refuse a waiver of a control that does not exist.

        Apart from `load`, for a site's own controls are known only after pytest's collection.

        Raises:
            UserError: naming the nearest id.
        """
        for waiver in self.waivers:
            if waiver.control not in known:
                advice = toml_reader.nearest(waiver.control, known, "lxdsec controls lists them")
                raise UserError(
                    f"{OPTION}: {waiver.source}: waiver.control: "
                    f"{waiver.control!r} is no control: {advice}"
                )

    def groups(self, instances: Collection[str]) -> tuple[tuple[str, ...], ...]:
        """Return who of these instances (`PROJECT/NAME`) is in each sharing group, sorted."""
        return tuple(
            tuple(name for name in sorted(instances) if _is_any(name, globs))
            for globs in self.sharing_groups or ()
        )


def load(path: str, *, known_controls: Collection[str] | None) -> Policy:
    """Read a policy file; with `known_controls` None the waivers' controls are not checked yet.

    Raises:
        UserError: it cannot be read, or a key, a type or a control is wrong; one line with the
            place, the value and the fix.
    """
    root = toml_reader.read(OPTION, path)
    root.allow("local", "api", "containers", "os", "waiver")
    local, api = root.table("local"), root.table("api")
    containers, system = root.table("containers"), root.table("os")
    local.allow("trusted_users", "trusted_directories")
    api.allow("allowed_sources", "admins", "public_images")
    containers.allow("sharing_groups")
    system.allow("index_max_age_days")
    policy = Policy(
        trusted_users=local.texts("trusted_users"),
        trusted_directories=local.texts("trusted_directories"),
        allowed_sources=_networks(api, "allowed_sources"),
        admins=api.texts("admins"),
        public_images=api.texts("public_images"),
        sharing_groups=_groups(containers, "sharing_groups"),
        index_max_age_days=system.number("index_max_age_days") or DEFAULT_INDEX_MAX_AGE_DAYS,
        waivers=waivers.read(root),
    )
    if known_controls is not None:
        policy.check_controls(known_controls)
    return policy


def _networks(table: toml_reader.Table, key: str) -> tuple[Network, ...] | None:
    texts = table.texts(key)
    return None if texts is None else tuple(_network(table, key, text) for text in texts)


def _network(table: toml_reader.Table, key: str, text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise table.mistake(key, f"{text!r} is no network", _network_fix(text)) from error


def _network_fix(text: str) -> str:
    try:
        return f'write "{ipaddress.ip_network(text, strict=False)}"'
    except ValueError:
        return 'write "192.0.2.0/24" or "2001:db8::/64"'


def _groups(table: toml_reader.Table, key: str) -> tuple[tuple[str, ...], ...] | None:
    groups = table.values.get(key)
    if groups is None:
        return None
    if not isinstance(groups, list):
        raise table.mistake(key, f"{groups!r} is no list", 'write [["PROJECT/NAME", "..."]]')
    return tuple(table.as_texts(key, group) for group in groups)


def _is_any(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)
