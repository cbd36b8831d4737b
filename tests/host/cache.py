"""A cache of directories that take minutes to build, outside the repository.

An entry is a directory named after the digest of its inputs. It is built under another name, by
one process at a time, and renamed when it is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import resource
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

UNUSED_SECONDS = 14 * 86400
HALF = ".half"  # the suffix of an entry that is being built
COST = "cost.json"  # the file with the cost of the build
_SYSTEM = pathlib.Path("/var/cache")


def root() -> pathlib.Path:
    """Return the cache's directory; only root may read it, because it holds keys."""
    base = os.environ.get("XDG_CACHE_HOME")
    directory = (pathlib.Path(base) if base else _SYSTEM) / "lxdsec"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def key(*parts: str | bytes) -> str:
    """Return the digest of an entry's inputs."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:20]


def sources(files: Iterable[pathlib.Path]) -> bytes:
    """Return the content of the files that build an entry, for its key."""
    return b"".join(path.read_bytes() for path in files)


def entry(name: str, build: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Return the entry's directory; call `build(directory)` if it does not exist yet."""
    place = root() / name
    if not place.is_dir():
        with _lock():
            _build(place, build)
    os.utime(place)
    _forget(place)
    return place


def cost(place: pathlib.Path) -> Mapping[str, float]:
    """Return the cost of an entry's build: `seconds`, and the seconds of a `processor`."""
    found: dict[str, float] = json.loads((place / COST).read_text())
    return found


def _processor() -> float:
    """Return the processor time of this process's ended children, free of other load."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _build(place: pathlib.Path, build: Callable[[pathlib.Path], None]) -> None:
    if place.is_dir():  # built by the previous holder of the lock
        return
    for dead in root().glob(f"*{HALF}"):  # killed builds: this process holds the lock
        shutil.rmtree(dead, ignore_errors=True)
    half = place.with_suffix(HALF)
    half.mkdir(mode=0o700)
    began, used = time.monotonic(), _processor()
    try:
        build(half)
        cost = {"seconds": time.monotonic() - began, "processor": _processor() - used}
        (half / COST).write_text(json.dumps({name: round(cost[name], 1) for name in cost}))
        half.rename(place)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _forget(used: pathlib.Path) -> None:
    """Remove entries that were not used for long; every update of a package makes a new one."""
    oldest = time.time() - UNUSED_SECONDS
    for place in root().iterdir():
        if place.is_dir() and place != used and place.stat().st_mtime < oldest:
            shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """Hold a lock for the `with` block; the kernel releases it with the process."""
    with (root() / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
