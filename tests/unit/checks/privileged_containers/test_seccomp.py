"""What policy files refuse."""

from __future__ import annotations

import pytest

from pytest_lxdsec.checks.privileged_containers import seccomp
from pytest_lxdsec.lxd import versions

OLD, NEW = versions.parse("5.0.2"), versions.parse("6.9")
DEFAULT = """\
2
denylist
[all]
reject_force_umount  # comment this to allow umount -f;  not recommended
[all]
kexec_load errno 38
open_by_handle_at errno 38
init_module errno 38
finit_module errno 38
delete_module errno 38
"""
COMPAT_ONLY = "2\ndenylist\n[all]\n[x86_64]\ncompat errno 38\n"


def without(call: str) -> str:
    return "".join(line for line in DEFAULT.splitlines(True) if not line.startswith(call))


def test_default_policy_lacks_nothing() -> None:
    assert seccomp.missing(DEFAULT, OLD) == ()


@pytest.mark.parametrize("old", ["blacklist"])
def test_older_words_are_read(old: str) -> None:
    assert seccomp.missing(DEFAULT.replace("denylist", old), OLD) == ()


@pytest.mark.parametrize("call", seccomp.default(OLD))
def test_every_call_of_the_default_is_missed(call: str) -> None:
    assert seccomp.missing(without(call), OLD) == (call,)


def test_finit_module_is_left_to_the_capability_from_5_21_2_on() -> None:
    assert seccomp.missing(without("finit_module"), NEW) == ()


def test_policy_that_only_denies_the_compat_layer_lacks_everything() -> None:
    assert seccomp.missing(COMPAT_ONLY, OLD) == seccomp.default(OLD)


def test_more_denials_are_stricter() -> None:
    assert seccomp.missing(DEFAULT + "bpf errno 1\n", OLD) == ()


def test_allow_list_refuses_what_it_does_not_name() -> None:
    assert seccomp.missing("2\nallowlist\n[all]\nread\nwrite\n", OLD) == ()
    assert seccomp.missing("2\nwhitelist\n[all]\nread\numount2\n", OLD) == ("reject_force_umount",)
    assert seccomp.missing("2\nallowlist\n[all]\nkexec_load\n", OLD) == ("kexec_load",)


def test_allow_list_that_allows_by_default_is_none() -> None:
    text = "2\nallowlist allow\n[all]\nbpf errno 1\n"
    assert seccomp.missing(text, OLD) == seccomp.default(OLD)


def test_denial_for_one_architecture_is_none() -> None:
    text = DEFAULT.replace("[all]\nkexec_load", "[x86_64]\nkexec_load")
    assert "kexec_load" in seccomp.missing(text, OLD)


def test_call_that_asks_lxd_is_not_refused() -> None:
    text = DEFAULT.replace("init_module errno 38", "init_module notify", 1)
    assert "init_module" in seccomp.missing(text, OLD)


@pytest.mark.parametrize(
    "text", ["", "2\n", "1\n0\n1\n", "2\nnolist\n", "2\ndenylist\n[all]\n;;\n"]
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"seccomp|list"):
        seccomp.missing(text, OLD)
