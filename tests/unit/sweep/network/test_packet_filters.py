"""The section of the packet filters: no rules, rules that were not printed, and no tool."""

from __future__ import annotations

import errno
import json
import pathlib
import stat
import struct

import pytest

from pytest_lxdsec.sweep.common import netlink
from pytest_lxdsec.sweep.network import packet_filters, xtables_save

NFT = json.dumps({"nftables": []})
DOUBTFUL = json.dumps({
    "nftables": [{"rule": {"family": "ip6", "expr": [{"xt": None}, {"accept": None}]}}]
})  # fmt: skip


@pytest.fixture
def tools(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Make the only directory in which tools are found; there are no legacy tables."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(xtables_save, "_PATH", str(tmp_path))
    tables = {"ip": str(tmp_path / "ip.names"), "ip6": str(tmp_path / "ip6.names")}
    monkeypatch.setattr(xtables_save, "_TABLES", tables)
    monkeypatch.setattr(xtables_save, "_MODULES", str(tmp_path / "modules"))
    monkeypatch.setattr(xtables_save, "_takes_option", lambda: False)
    return tmp_path


def install(tools: pathlib.Path, name: str, prints: str, *, status: int = 0) -> None:
    path = tools / name
    (tools / f"{name}.out").write_text(prints)
    path.write_text(f"#!/bin/sh\n/bin/cat {path}.out\necho {name} complains >&2\nexit {status}\n")
    path.chmod(stat.S_IRWXU)


def test_tools_are_not_run_where_there_is_nothing_to_print(tools: pathlib.Path) -> None:
    install(tools, "nft", NFT)
    for name in ("iptables-legacy-save", "iptables-nft-save", "ebtables-legacy-save"):
        install(tools, name, "it ran", status=1)
    found = packet_filters._find()
    nothing = (("", ""),) * 6
    saves = (found.shims, found.legacy)
    printed = [text for save in saves for text in (save.ip, save.ip6, save.bridge)]
    assert tuple((text.text, text.error) for text in printed) == nothing


def test_nft_that_fails_is_a_reason(tools: pathlib.Path) -> None:
    install(tools, "nft", NFT, status=1)
    found = packet_filters._find()
    assert (found.nft.text, found.nft.error) == ("", f"{tools}/nft: nft complains")


@pytest.mark.usefixtures("tools")
def test_host_without_nft_and_without_tables_has_no_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "dump", lambda *_: [])
    found = packet_filters._find()
    assert (json.loads(found.nft.text), found.nft.error) == ({"nftables": []}, "")


@pytest.mark.usefixtures("tools")
def test_host_without_nft_and_with_tables_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "dump", lambda *_: [b"", b""])
    assert (
        packet_filters._find().nft.error
        == "nft is not installed, and there are 2 tables of its kind"
    )


@pytest.mark.usefixtures("tools")
def test_host_without_nft_whose_kernel_does_not_answer_cannot_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> list[bytes]:
        raise OSError(errno.EINVAL, "netlink: no such list")

    monkeypatch.setattr(netlink, "dump", refuse)
    assert "nft is not installed: " in packet_filters._find().nft.error


def test_rules_that_nft_cannot_print_are_asked_of_the_shim(tools: pathlib.Path) -> None:
    install(tools, "nft", DOUBTFUL)
    install(tools, "ip6tables-nft-save", "*filter\nCOMMIT\n")
    shims = packet_filters._find().shims
    assert (shims.ip6.text, shims.ip.text) == ("*filter\nCOMMIT\n", "")


def test_shim_that_is_missing_is_a_reason(tools: pathlib.Path) -> None:
    install(tools, "nft", DOUBTFUL)
    assert packet_filters._find().shims.ip6.error == "ip6tables-nft-save is not installed"


def test_json_that_nft_garbled_is_asked_of_every_shim(tools: pathlib.Path) -> None:
    install(tools, "nft", f"{DOUBTFUL}}}")
    shims = packet_filters._find().shims
    assert all(text.error for text in (shims.ip, shims.ip6, shims.bridge))


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_legacy_tables_are_saved(tools: pathlib.Path, family: str) -> None:
    (tools / f"{family}.names").write_text("filter\n")
    name = {"ip": "iptables", "ip6": "ip6tables"}[family]
    install(tools, f"{name}-legacy-save", "*filter\nCOMMIT\n")
    assert getattr(xtables_save.find(), family).text == "*filter\nCOMMIT\n"


def test_legacy_tables_without_their_tool_are_a_reason(tools: pathlib.Path) -> None:
    (tools / "ip.names").write_text("filter\n")
    found = xtables_save.find().ip.error
    assert found == "iptables-legacy-save is not installed, and there are tables"


def test_old_host_saves_legacy_tables_by_the_plain_name(tools: pathlib.Path) -> None:
    (tools / "ip.names").write_text("nat\n")
    install(tools, "iptables", "iptables v1.6.1\n")
    install(tools, "iptables-save", "*nat\nCOMMIT\n")
    assert xtables_save.find().ip.text == "*nat\nCOMMIT\n"


def test_shim_by_the_plain_name_is_not_a_legacy_tool(tools: pathlib.Path) -> None:
    (tools / "ip.names").write_text("nat\n")
    install(tools, "iptables", "iptables v1.8.9 (nf_tables)\n")
    install(tools, "iptables-save", "*nat\nCOMMIT\n")
    assert "not installed" in xtables_save.find().ip.error


def test_save_without_any_table_is_an_error(tools: pathlib.Path) -> None:
    (tools / "modules").write_text("ebtable_filter 1 0\nebtables 1 1 ebtable_filter, Live\n")
    install(tools, "ebtables-legacy-save", "# Generated by ebtables-save\n")
    assert xtables_save.find().bridge.error.endswith("prints no table, although there are some")


def test_ebtables_that_is_not_loaded_holds_nothing(tools: pathlib.Path) -> None:
    (tools / "modules").write_text("nf_tables 1 0 - Live\n")
    assert (xtables_save.find().bridge.text, xtables_save.find().bridge.error) == ("", "")


@pytest.mark.usefixtures("tools")
def test_ebtables_that_is_built_in_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xtables_save, "_takes_option", lambda: True)
    assert xtables_save.find().bridge.error.startswith("ebtables-legacy-save is not installed")


# --- netlink -----------------------------------------------------------------------------------


def test_attributes_are_found_behind_those_of_odd_length() -> None:
    data = struct.pack("=HH", 7, 3) + b"lo\0" + b"\0" + struct.pack("=HHi", 8, 10, 4)
    found = netlink.attributes(data)
    assert (netlink.text(found[3]), found[10]) == ("lo", struct.pack("=i", 4))


def test_attribute_without_length_ends() -> None:
    assert netlink.attributes(bytes(8)) == {0: b""}


def test_error_of_the_kernel_is_raised() -> None:
    with pytest.raises(PermissionError):
        netlink._raise_error(struct.pack("=i", -errno.EPERM))
