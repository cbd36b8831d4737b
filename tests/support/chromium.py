"""A real browser for the page's tests: Debian's Chromium without a window."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
VARIABLE = "LXDSEC_LAB"  # `required` in .ci/run, where nothing may be left out
SECONDS = 120
# It asks nobody on the network for anything, and needs no root's sandbox.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


def find() -> str:
    """Return the browser; the test is skipped where there is none and none is required."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    if os.environ.get(VARIABLE) == "required":
        pytest.fail("chromium is required here: apt-get install chromium", pytrace=False)
    pytest.skip("no chromium here: apt-get install chromium")


def run(profile: pathlib.Path, *arguments: str) -> str:
    """Run it with a profile of its own; what it prints."""
    command = [find(), *FLAGS, f"--user-data-dir={profile}", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
    return done.stdout.decode()


def dom(profile: pathlib.Path, page: pathlib.Path, *flags: str) -> str:
    """Return the page's elements after its script has run, as HTML."""
    return run(profile, *flags, "--dump-dom", page.as_uri())
