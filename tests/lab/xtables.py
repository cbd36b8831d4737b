"""A lab whose LXD uses iptables, ip6tables and ebtables, because nft is not on its PATH.

lxd/firewall/firewall_load.go: without nft LXD uses the commands of xtables, even those on top of
nftables. Only LXD lacks nft, so the sweep sees all rules.
"""

from __future__ import annotations

from pytest_lxdsec.lab import Lab

_SWITCH = """
    mkdir /run/without-nft
    IFS=:
    for directory in $PATH; do
        for file in "$directory"/*; do
            [ "${file##*/}" = nft ] || ln -sf "$file" /run/without-nft/
        done
    done
    unset IFS
    kill "$(cat /run/lxd.pid)"
    timeout 20 tail --pid="$(cat /run/lxd.pid)" -f /dev/null
    nft flush ruleset
    PATH=/run/without-nft setsid lxd --group lxd --logfile /var/log/lxd/lxd.log \\
        < /dev/null > /var/log/lxd/xtables.log 2>&1 &
    echo $! > /run/lxd.pid
    for _ in $(seq 100); do
        lxc query /1.0 > /run/server 2> /dev/null && break
        sleep 0.1
    done
    grep -q '"firewall": "xtables"' /run/server
"""


def switch(lab: Lab) -> None:
    """Restart the lab's LXD with the xtables driver; its instances go on, without any rules."""
    done = lab.run("sh", "-e", "-c", _SWITCH, timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
