"""README's picture of the page: `make docs` takes it of the last audit's `report.html`."""

from __future__ import annotations

import pathlib
import sys
import tempfile

from . import chromium

SIZE = "1200,1150"


def take(page: pathlib.Path, picture: pathlib.Path) -> None:
    """Save the top of a page as a PNG."""
    with tempfile.TemporaryDirectory() as profile:
        chromium.run(
            pathlib.Path(profile),
            f"--window-size={SIZE}",
            "--run-all-compositor-stages-before-draw",
            "--virtual-time-budget=6000",
            f"--screenshot={picture.resolve()}",
            page.resolve().as_uri(),
        )


if __name__ == "__main__":
    take(*map(pathlib.Path, sys.argv[1:]))
