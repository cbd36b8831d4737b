"""60,000 results with 1,000 failures, from evidence to all reports: time and memory.

`make bench-reports`. One run of pytest over saved evidence of so many hosts makes every report;
then each writer is measured alone, in a process of its own, so that one's peak of memory is not
another's; `reading` is what each of them begins with. A process tells its own peak, since what
wait4 says begins with what its parent had.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from pytest_lxdsec.reports import report_files
from tests.support import evidence_documents, evidence_failing

GOOD, BAD = 270, 13  # hosts: 211 and 224 results each, 80 of the latter failures
OPTION = "bench"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += [f"--lxd-host=evidence:{path}" for path in _hosts(directory)]
        _say(f"{'':<14}{'s':>7}{'CPU s':>8}{'MB':>7}")
        _say(_measured("pytest", [*command, "--lxd-report=out"], directory))
        reports = directory / "out"
        whole = report_files.read(OPTION, reports / report_files.JSON)
        _say(f"{len(whole.results):,} results, {whole.counts['fail']:,} of them failures:")
        for writer in ("reading", *report_files.WRITERS):
            arguments = [sys.executable, "-m", __spec__.name, str(reports), writer]
            _measured(writer, arguments, pathlib.Path.cwd())
        for writer in report_files.WRITERS:
            _say(f"{writer:<14}{(reports / writer).stat().st_size / 1e6:>7.1f} MB")


def _hosts(directory: pathlib.Path) -> Sequence[pathlib.Path]:
    made = []
    for kind, number, evidence in (
        ("good", GOOD, evidence_documents.baseline()),
        ("bad", BAD, evidence_failing.failing()),
    ):
        for place in range(number):
            name = f"{kind}{place}.example"
            path = directory / f"{name}.json"
            made.append(evidence_documents.write(evidence | {"target": name}, path))
    return made


def _measured(name: str, command: Sequence[str], directory: pathlib.Path) -> str:
    """Run a command and print what it took; its last line, which may be its peak of memory."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=directory, stdout=log)
        _, _, used = os.wait4(process.pid, 0)
        log.seek(0)
        last = log.read().decode().strip().rpartition("\n")[2]
    elapsed, cpu = time.monotonic() - began, used.ru_utime + used.ru_stime
    peak = int(last) if last.isdecimal() else used.ru_maxrss
    _say(f"{name:<14}{elapsed:>7.1f}{cpu:>8.1f}{peak / 1024:>7.0f}")
    return last


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write(reports: pathlib.Path, writer: str) -> None:
    whole = report_files.read(OPTION, reports / report_files.JSON)
    if writer in report_files.WRITERS:
        with pathlib.Path(os.devnull).open("wb") as out:
            report_files.WRITERS[writer](whole, out)
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    _say(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    if sys.argv[1:]:
        _write(pathlib.Path(sys.argv[1]), sys.argv[2])
    else:
        main()
