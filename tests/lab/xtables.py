"""A lab whose LXD uses iptables, ip6tables and ebtables: it finds no nft on its PATH.

lxd/firewall/firewall_load.go: without nft it takes the commands of xtables, be they those that
speak to nftables underneath. Nothing else in the lab lacks nft, and so the sweep sees all.
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
    """Have the lab's LXD take the other driver; its instances go on, without any rules."""
    done = lab.run("sh", "-e", "-c", _SWITCH, timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
