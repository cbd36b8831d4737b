"""A running host with the lab's default scenario, saved with its memory.

The same requests build the scenario in a lab and here, so that the verdicts can be compared.
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
from tests.host.host_errors import HostBroken

from . import cache, image, machine, qemu, vm

DISK, MEMORY = "disk.qcow2", "memory"


def get(apt: machine.Apt) -> tuple[pathlib.Path, pathlib.Path]:
    """Return the directory of the image, and that of the disk and memory made from it.

    Args:
        apt: The source of the packages.

    Raises:
        HostUnavailable: This machine cannot build or run a host.
        HostBroken: The build or the boot failed.
    """
    base = image.get(apt)
    modules = (builder, containers, scenarios)
    files = [pathlib.Path(__file__), *(pathlib.Path(str(module.__file__)) for module in modules)]
    hardware = (*qemu.MACHINE, qemu.KERNEL_LINE, qemu.version())
    parts = (base.name, cache.sources(files), *hardware)
    return base, cache.entry(f"ready-{cache.key(*parts)}", lambda place: _build(base, place))


@contextlib.contextmanager
def running(directory: pathlib.Path, release: str = "") -> Iterator[vm.Vm]:
    """Run a host with the default scenario, which resumes within seconds.

    Args:
        directory: A private directory for the files of this run.
        release: The codename of another Debian than this machine's; "" for the same.

    Raises:
        HostUnavailable: See `get`.
        HostBroken: See `get`.
    """
    apt = machine.of(release, directory / "apt") if release else machine.own()
    base, saved = get(apt)
    with vm.running(base, saved / DISK, directory, saved / MEMORY) as here:
        yield here


def _build(base: pathlib.Path, place: pathlib.Path) -> None:
    vm.overlay(base / "disk.raw", place / DISK)
    work = (
        place / "work"
    )  # in the cache, so that the next build removes the leftovers of a killed one
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
    """Build the scenario, one instance at a time: in parallel, emulated starts time out."""
    everything = scenarios.DEFAULT
    builder.build(lxd, dataclasses.replace(everything, instances=()))
    alone = dataclasses.replace(everything, requests=(), image_projects=())
    try:
        for instance in everything.instances:
            builder.build(lxd, dataclasses.replace(alone, instances=(instance,)))
    except labs.LabBroken as error:
        log = here.shell("tail --quiet --lines=3 /var/log/lxd/*/lxc.log | tail --lines=3")
        raise HostBroken(f"host: {error}: {' / '.join(log.splitlines())}") from error
