"""Labels in the shapes that AppArmor writes, Debian's and the snap's."""

from __future__ import annotations

import hashlib

import pytest

from pytest_lxdsec.lxd import apparmor_label

DEB, SNAP = "/var/lib/lxd", "/var/snap/lxd/common/lxd"
LONG = "tenants_" + "a" * 250


@pytest.mark.parametrize(
    ("label", "name", "directory"),
    [
        (f"lxd-c1_<{DEB}>//&:lxd-c1_<var-lib-lxd>:unconfined (enforce)", "c1", DEB),
        (f"lxd-c1_<{SNAP}>//&:lxd-c1_<var-snap-lxd-common-lxd>:unconfined (enforce)", "c1", SNAP),
        (f"lxd-c1_<{DEB}>//&:lxd-c1_<var-lib-lxd>://unconfined (enforce)", "c1", DEB),
        (f"lxd-c1_<{DEB}>//&:lxd-c1_<var-lib-lxd>:/usr/sbin/init (enforce)\0", "c1", DEB),
        (f"lxd-c1_<{DEB}> (enforce)\n", "c1", DEB),
        (f"lxd-tenants_c1_<{DEB}> (enforce)", "tenants_c1", DEB),
    ],
)
def test_profile_of_lxd_in_enforce_mode_confines(label: str, name: str, directory: str) -> None:
    assert apparmor_label.fault(label, name, directory) == ""


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("", "no label"),
        ("unconfined", "no profile's"),
        ("lxd-c1_</var/lib/lxd>", "no profile's"),
        ("system_u:system_r:container_t:s0", "no profile's"),
        (f"lxd-c1_<{DEB}> (complain)", "mode complain"),
        (f"lxd-c1_<{DEB}>//&:lxd-c1_<var-lib-lxd>:own (mixed)", "mode mixed"),
        (f"lxd-c1_<{DEB}> (unconfined)", "mode unconfined"),
        (f"lxd-c2_<{DEB}> (enforce)", "the profile is not lxd-c1_</var/lib/lxd>"),
        (f"lxd-tenants_c1_<{DEB}> (enforce)", "the profile is not"),
        (f"lxd-c1_<{SNAP}> (enforce)", "the profile is not"),
        ("snap.lxd.daemon (enforce)", "the profile is not"),
    ],
)
def test_any_other_label_does_not_confine(label: str, why: str) -> None:
    assert why in apparmor_label.fault(label, "c1", DEB)


def test_long_name_is_hashed_as_lxd_does() -> None:
    whole = f"{LONG}_<{DEB}>"
    hashed = hashlib.sha256(whole.encode()).hexdigest()
    assert apparmor_label.fault(f"lxd-{hashed} (enforce)", LONG, DEB) == ""
    assert apparmor_label.fault(f"lxd-{whole} (enforce)", LONG, DEB) != ""


def test_only_a_stack_is_stacked() -> None:
    assert apparmor_label.is_stacked(
        f"lxd-c1_<{DEB}>//&:lxd-c1_<var-lib-lxd>:unconfined (enforce)"
    )
    assert not apparmor_label.is_stacked(f"lxd-c1_<{DEB}> (enforce)")
    assert not apparmor_label.is_stacked("")
