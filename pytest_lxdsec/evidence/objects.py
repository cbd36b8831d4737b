"""Types of LXD's API.

Field names are LXD's own (shared/api/*.go, doc/rest-api.yaml), so that a reader can look them
up. `msgspec` decodes them strictly: a field that is missing or of another type makes the object
unreadable, never empty. Other fields are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..lxd import config_values

# LXD counts an instance in any other status as running: lxd/instance/drivers/driver_common.go,
# isRunningStatusCode. A frozen instance has a living init.
UNKNOWN = "Error"
NOT_RUNNING = ("Stopped", UNKNOWN)

SHA256_DIGITS = 64

Config = Mapping[str, str]
Devices = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """`environment` of `GET /1.0`: shared/api/server.go, ServerEnvironment."""

    server_version: str
    server_name: str
    server_pid: int
    server_clustered: bool
    certificate: str
    certificate_fingerprint: str
    firewall: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`GET /1.0`, for a trusted administrator."""

    environment: Environment
    api_extensions: frozenset[str]
    config: Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project; `config` holds its `features.*` and `restricted.*`."""

    name: str
    config: Config

    def has_own(self, feature: str) -> bool:
        """Return whether `features.FEATURE` is on; else the project shares the default's."""
        own = config_values.boolean(self.config, f"features.{feature}", default=False)
        return self.name == "default" or own


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An instance with its own and its expanded configuration."""

    project: str
    name: str
    type: Literal["container", "virtual-machine"]
    status: str
    location: str
    profiles: tuple[str, ...]
    config: Config
    devices: Devices
    expanded_config: Config
    expanded_devices: Devices

    @property
    def key(self) -> str:
        """PROJECT/NAME, which is unique on a server."""
        return f"{self.project}/{self.name}"

    @property
    def is_container(self) -> bool:
        """True for a container, false for a virtual machine."""
        return self.type == "container"

    @property
    def is_running(self) -> bool:
        """True if LXD reports a status with a live init, including a frozen one."""
        return self.status not in NOT_RUNNING

    @property
    def is_unknown(self) -> bool:
        """True if LXD does not know whether it has an init: its monitor did not answer."""
        return self.status == UNKNOWN

    @property
    def internal_name(self) -> str:
        """Its name for liblxc and in LXD's files: lxd/project/project.go, Instance."""
        return self.name if self.project == "default" else f"{self.project}_{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile of a project; `used_by` are the API paths of the instances that use it."""

    project: str
    name: str
    config: Config
    devices: Devices
    used_by: tuple[str, ...]

    @property
    def key(self) -> str:
        """PROJECT/NAME."""
        return f"{self.project}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network of a project, or a host interface that LXD lists without managing it."""

    project: str
    name: str
    type: str
    managed: bool
    config: Config

    @property
    def key(self) -> str:
        """PROJECT/NAME."""
        return f"{self.project}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An entry of the trust store; `certificate` is PEM."""

    fingerprint: str
    name: str
    type: str
    restricted: bool
    projects: tuple[str, ...] | None
    certificate: str

    @property
    def key(self) -> str:
        """The first twelve digits of the fingerprint, which `lxc config trust list` shows.

        An identity without a certificate is identified by its whole id: alice@example.org.
        """
        is_fingerprint = len(self.fingerprint) == SHA256_DIGITS
        return self.fingerprint[:12] if is_fingerprint else self.fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAlias:
    """A name of an image."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image of a project."""

    project: str
    fingerprint: str
    public: bool
    aliases: tuple[ImageAlias, ...] | None

    @property
    def key(self) -> str:
        """PROJECT/FINGERPRINT12."""
        return f"{self.project}/{self.fingerprint[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The probe's output inside a running container; `error` is why it did not run, else ""."""

    project: str
    name: str
    output: str
    error: str

    @property
    def key(self) -> str:
        """PROJECT/NAME."""
        return f"{self.project}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A cluster member."""

    server_name: str
    status: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """The access that a token grants: shared/api/certificate.go, CertificatesPost."""

    name: str
    type: str
    restricted: bool
    projects: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMetadata:
    """A token's expiry and purpose; `serverName` is the new member's in a join token."""

    expiresAt: str = ""  # noqa: N815 - LXD's own name
    serverName: str = ""  # noqa: N815 - LXD's own name
    request: TokenRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResources:
    """The object of a token that does not grant access to the server: an image to download."""

    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An operation of class `token`: an unused token for a client or member, or a download."""

    id: str
    status: str
    metadata: TokenMetadata
    description: str = ""
    resources: TokenResources | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An identity that may log in: shared/api/auth.go, Identity; `tls_certificate` is PEM."""

    authentication_method: str
    type: str
    id: str
    name: str
    groups: tuple[str, ...] | None = None
    tls_certificate: str = ""
    expires_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """An entitlement of a group: shared/api/auth.go, Permission."""

    entity_type: str
    url: str
    entitlement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of identities."""

    name: str
    permissions: tuple[Permission, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderGroup:
    """A group of an identity provider, and the groups that it gives its members."""

    name: str
    groups: tuple[str, ...] | None
