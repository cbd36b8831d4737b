"""The subcommands of `lxdsec` that read controls and reports: `controls` and `diff`."""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from .. import errors

if TYPE_CHECKING:
    from ..reports.document import Document

Subcommands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it
DIFF = "diff"
JUDGED = (0, 1)  # pytest's exit statuses after which there is a report of the whole run


def add(groups: Subcommands[argparse.ArgumentParser]) -> None:
    """Add the subcommands to the parser."""
    controls = groups.add_parser("controls", help="what is asked, in the guide's order")
    controls.add_argument("--format", choices=("table", "json", "markdown"), default="table")
    controls.set_defaults(run=_controls)
    diff = groups.add_parser(
        DIFF,
        help="compare two audits: report.json, or evidence; exit status 1 where a finding is new "
        "or something is no longer looked at, 4 where they cannot be read",
    )
    diff.add_argument("old", metavar="OLD", type=pathlib.Path)
    diff.add_argument("new", metavar="NEW", type=pathlib.Path)
    diff.add_argument(
        "--policy", metavar="FILE", type=pathlib.Path, help="judge evidence by this policy"
    )
    diff.set_defaults(run=_diff)


def _controls(options: argparse.Namespace) -> int:
    from ..session import catalogue  # noqa: PLC0415 - imports every suite
    from . import control_table  # noqa: PLC0415 - imports every suite

    sys.stdout.write(control_table.FORMATS[options.format](catalogue.packaged()))
    return 0


def _diff(options: argparse.Namespace) -> int:
    from ..reports import comparison  # noqa: PLC0415 - 50 ms

    old, new = (_document(path, options.policy) for path in (options.old, options.new))
    found = comparison.compare(old, new)
    sys.stdout.writelines(f"{line}\n" for line in comparison.lines(found))
    return 1 if found.is_worse else 0


def _document(path: pathlib.Path, policy: pathlib.Path | None) -> Document:
    """Return a report as it is; evidence as it is judged by today's controls."""
    from ..evidence import evidence_file  # noqa: PLC0415 - 50 ms
    from ..reports import report_files  # noqa: PLC0415 - as above

    if not path.is_file():
        raise errors.UserError(
            f"{DIFF}: there is no file {str(path)!r}: name a report or evidence"
        )
    if report_files.format_of(DIFF, path) != evidence_file.FORMAT:
        return report_files.read(DIFF, path)
    with tempfile.TemporaryDirectory(prefix="lxdsec-") as directory:
        return _judged(path.resolve(), policy, pathlib.Path(directory))


def _judged(path: pathlib.Path, policy: pathlib.Path | None, directory: pathlib.Path) -> Document:
    """Judge evidence as pytest does, since nothing else knows what a verdict is."""
    from ..reports import report_files  # noqa: PLC0415 - 50 ms

    (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--lxd-host=evidence:{path}", f"--lxd-report={directory}"]
    command += [f"--lxd-policy={policy.resolve()}"] if policy else []
    # What the user wants of their own runs, as PYTEST_ADDOPTS=-x, is nothing to this one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in JUDGED:
        last = (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
        raise errors.UserError(f"{DIFF}: cannot judge {str(path)!r}: {last}")
    whole = report_files.read(DIFF, directory / report_files.JSON)
    if not whole.complete:
        raise errors.UserError(f"{DIFF}: cannot judge all of {str(path)!r}: the run broke off")
    return whole
