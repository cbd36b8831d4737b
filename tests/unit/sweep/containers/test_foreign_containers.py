"""The title of a monitor of another LXC path."""

from __future__ import annotations

import pytest

from pytest_lxdsec.sweep.containers import foreign_containers


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["[lxc monitor] /var/lib/lxc c1"], ("/var/lib/lxc", "c1")),
        (["[lxc monitor] /srv/my lxd/containers a_c1"], ("/srv/my lxd/containers", "a_c1")),
        (["[lxc monitor] c1"], ("", "")),
        (["lxc-start", "-n", "c1"], ("", "")),
        ([], ("", "")),
    ],
)
def test_path_and_name_are_read_from_the_title(
    arguments: list[str], found: tuple[str, str]
) -> None:
    assert foreign_containers.watched(arguments) == found
