"""Us, a naive suite and the floor, side by side in one run: `make bench`.

Ratios, for a machine's own speed says nothing. The floor is what any audit must read: one listing
of the API, and seven files of each container's init. The naive suite is timed on a sample, since
its time is that of its `lxc exec`s.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from pytest_lxdsec import lab
from pytest_lxdsec.evidence import gather
from tests.lab import both_ways

SIZES = (50, 200, 1000)
SAMPLE = 10  # containers of the naive suite
READ = ("status", "uid_map", "gid_map", "mountinfo", "cgroup", "limits", "attr/current")
FLOOR = f"""
import glob, http.client, socket
class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/lib/lxd/unix.socket")
api = Local("lxd")
api.request("GET", "/1.0/instances?recursion=1&all-projects=true")
api.getresponse().read()
for status in glob.glob("/proc/[0-9]*/status"):
    text = open(status).read()
    if "NSpid:" in text and text.partition("NSpid:")[2].split("\\n")[0].split()[-1] == "1":
        for name in {READ!r}:
            try:
                open(status.replace("status", name)).read()
            except OSError:
                pass
"""


def seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def measure(size: int) -> str:
    scenario = lab.scenarios.scaled(lab.scenarios.BARE, size)
    with lab.throw_away(scenario=scenario) as here, tempfile.TemporaryDirectory() as directory:
        floor = min(seconds(lambda: here.run("python3", "-c", FLOOR)) for _ in range(3))
        sweep = min(seconds(lambda: both_ways.see(here)) for _ in range(3))
        ours = seconds(lambda: audit(here, pathlib.Path(directory)))
        one_by_one = naive_seconds(here, size)
    return (
        f"{size:>6}{floor:>9.2f}{sweep:>9.2f}{ours:>9.2f}{one_by_one:>10.1f}"
        f"{sweep / floor:>13.1f}{one_by_one / ours:>13.0f}"
    )


def audit(here: lab.Lab, directory: pathlib.Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--lxd-host=lab:{here.id}"]
    done = subprocess.run(command, cwd=directory, capture_output=True, check=False, timeout=600)
    assert done.returncode == 1, done.stdout.decode()


def naive_seconds(here: lab.Lab, size: int) -> float:
    """Return the naive suite on a sample, scaled to all containers."""
    names = " or ".join(f"c{number:04}" for number in range(1, min(SAMPLE, size) + 1))
    file = str(pathlib.Path(__file__).with_name("naive.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:lxdsec"]
    took = seconds(lambda: here.run(*command, "-c", "/dev/null", file, "-k", names, timeout=600))
    return took * size / min(SAMPLE, size)


def main() -> None:
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    out = sys.stdout
    out.write(f"seconds (one run each; {gather.__name__} is the whole gathering)\n")
    out.write("    N    floor   gather    audit     naive  gather/floor  naive/audit\n")
    for size in sizes:
        out.write(measure(size) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
