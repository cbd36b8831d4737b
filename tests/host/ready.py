"""A host with the lab's default scenario on it, running, saved with its memory.

The same requests build the lab's LXD and this one, so that their verdicts can be compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import shutil
from collections.abc import Iterator

from pytest_lxdsec import lab as labs
from pytest_lxdsec.lab import build as builder
from pytest_lxdsec.lab import image as containers
from pytest_lxdsec.lab import lxd_client
from pytest_lxdsec.lab import scenario as scenarios
from tests.host.faults import HostBroken

from . import cache, image, machine, qemu, vm

DISK, MEMORY = "disk.qcow2", "memory"


def get(apt: machine.Apt) -> tuple[pathlib.Path, pathlib.Path]:
    """Return the image, and the directory of the disk and memory made from it.

    Args:
        apt: What the packages come from.

    Raises:
        HostUnavailable: this machine cannot build or run one.
        HostBroken: it was begun and did not come to what it should.
    """
    base = image.get(apt)
    modules = (builder, containers, scenarios)
    files = [pathlib.Path(__file__), *(pathlib.Path(str(module.__file__)) for module in modules)]
    hardware = (*qemu.MACHINE, qemu.KERNEL_LINE, qemu.version())
    parts = (base.name, cache.sources(files), *hardware)
    return base, cache.entry(f"ready-{cache.key(*parts)}", lambda place: _build(base, place))


@contextlib.contextmanager
def running(directory: pathlib.Path, release: str = "") -> Iterator[vm.Vm]:
    """Have a host with the default scenario, within seconds; raises as `get`.

    Args:
        directory: A private one, for the files of this run.
        release: The codename of another Debian than this machine's.
    """
    apt = machine.of(release, directory / "apt") if release else machine.own()
    base, saved = get(apt)
    with vm.running(base, saved / DISK, directory, saved / MEMORY) as here:
        yield here


def _build(base: pathlib.Path, place: pathlib.Path) -> None:
    vm.overlay(base / "disk.raw", place / DISK)
    work = place / "work"  # in the cache: what is there of a killed build, the next one removes
    work.mkdir()
    emulated = qemu.Qemu(base, place / DISK)
    here = vm.Vm(qemu=emulated, image=base, directory=work)
    try:
        here.connect()
        with here.lxd_socket() as socket:
            _fill(lxd_client.Client(socket), here)
        here.shell("systemctl --wait is-system-running || true\nsync")
        here.disconnect()
        emulated.save(place / MEMORY)
    finally:
        here.close()
    shutil.rmtree(work)


def _fill(lxd: lxd_client.Client, here: vm.Vm) -> None:
    """Build the scenario, one instance after the other: side by side, emulated starts time out."""
    everything = scenarios.DEFAULT
    builder.build(lxd, dataclasses.replace(everything, instances=()))
    alone = dataclasses.replace(everything, requests=(), image_projects=())
    try:
        for instance in everything.instances:
            builder.build(lxd, dataclasses.replace(alone, instances=(instance,)))
    except labs.LabBroken as error:
        log = here.shell("tail --quiet --lines=3 /var/log/lxd/*/lxc.log | tail --lines=3")
        raise HostBroken(f"host: {error}: {' / '.join(log.splitlines())}") from error
