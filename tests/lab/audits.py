"""Audits of a real LXD by pytest in a process of its own, like a user's."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_lxdsec.lab import Lab

Key = tuple[str, str]  # control, subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One run: its exit status, its output, and its JUnit file."""

    status: int
    output: str
    junit: pathlib.Path

    def verdicts(self) -> Mapping[str, Mapping[Key, str]]:
        """Return the verdict of every control on every subject, by host."""
        found: dict[str, dict[Key, str]] = {}
        for case in ET.parse(self.junit).iter("testcase"):  # noqa: S314 - our own file
            properties = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
            if "lxd.control" in properties:
                key = (properties["lxd.control"], properties["lxd.subject"])
                found.setdefault(properties["lxd.host"], {})[key] = properties["lxd.verdict"]
        return found


def run(
    directory: pathlib.Path, *arguments: str, inside: Lab | None = None, seconds: float = 300
) -> Audit:
    """Run pytest in a directory of its own, on this machine or inside a lab.

    A lab sees the same files; the JUnit file that it writes is copied out of it.
    """
    directory.mkdir(exist_ok=True)
    junit = directory / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={junit}"]
    command += arguments
    if inside is None:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, timeout=seconds, check=False
        )
        return Audit(status=done.returncode, output=done.stdout.decode(), junit=junit)
    script = 'mkdir -p "$0" && cd "$0" && exec "$@"'
    within = inside.run("sh", "-c", script, str(directory), *command, timeout=seconds)
    read = inside.run("cat", str(junit))
    junit.write_bytes(read.stdout)
    return Audit(status=within.returncode, output=within.stdout.decode(), junit=junit)
