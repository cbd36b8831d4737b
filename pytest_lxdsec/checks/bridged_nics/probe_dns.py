"""Names in DHCP requests that are not the instance's own: what the bridge's DNS made of them."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from ...evidence.trial_facts import AskedName, NamesTrial
from ...verdict import CannotTell

# Nobody's names: what our request gives as itself, and as a foreign hardware address.
CLAIMS: Mapping[str, str] = {"own": "lxdsec-false", "foreign": "lxdsec-foreign"}
MANAGED = ("", "managed")  # `dns.mode`, and its default: driver_bridge.go
SILENT = "none"
DENIALS = ("NXDOMAIN", "NOERROR", "REFUSED")


class Fault(enum.Enum):
    """Which false name became a record."""

    MODE = "the name that a client gives becomes its record, as dns.mode asks for"
    OWN = "a name that is not the instance's own became its record"
    FOREIGN = (
        "a name asked for under a hardware address that is no instance's became a record, "
        "which is a gap of LXD's own and not of the configuration"
    )


def faults(trial: NamesTrial) -> tuple[Fault, ...]:
    """Return what is wrong.

    Raises:
        CannotTell: nothing was tried, or the instance's own name is not there either.
    """
    if trial.error:
        raise CannotTell(f"no probe on {trial.network}: {trial.error}")
    claimed, foreign = _asked(trial.claimed), _asked(trial.foreign)
    found = []
    if _is_record(claimed):
        found.append(Fault.OWN if trial.mode in MANAGED else Fault.MODE)
    else:
        _require_control(trial)
    if _is_record(foreign):
        found.append(Fault.FOREIGN)
    return tuple(found)


def _require_control(trial: NamesTrial) -> None:
    if not trial.lease:
        raise CannotTell(f"DHCP on {trial.network} gave no lease")
    own = _asked(trial.legitimate)
    if trial.mode != SILENT and own.address != trial.lease:
        raise CannotTell(
            f"the instance's own name is not in the DNS of {trial.network} either "
            f"({own.code} {own.address or 'without an address'}, leased {trial.lease})"
        )


def _asked(answer: AskedName | None) -> AskedName:
    if answer is None:
        raise CannotTell("the bridge's DNS was not asked for every name")
    return answer


def _is_record(answer: AskedName) -> bool:
    if answer.address:
        return True
    if answer.code not in DENIALS:
        raise CannotTell(f"the bridge's DNS answered {answer.code}")
    return False
