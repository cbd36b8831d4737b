"""Run pytest as a user would, on a real LXD, and read what it said."""

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
    """One run: its exit status, what it printed, and its JUnit file."""

    status: int
    output: str
    junit: pathlib.Path

    def verdicts(self) -> Mapping[str, Mapping[Key, str]]:
        """Every control's verdict on every subject, by host."""
        found: dict[str, dict[Key, str]] = {}
        for case in ET.parse(self.junit).iter("testcase"):  # noqa: S314 - as above
            told = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
            if "lxd.control" in told:
                key = (told["lxd.control"], told["lxd.subject"])
                found.setdefault(told["lxd.host"], {})[key] = told["lxd.verdict"]
        return found


def run(
    directory: pathlib.Path, *arguments: str, inside: Lab | None = None, seconds: float = 300
) -> Audit:
    """Run pytest in a directory of its own; inside of a lab, which sees the same files."""
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
