"""The probe's answers inside and on the host, compared."""

from __future__ import annotations

from pytest_lxdsec.evidence import guest_script
from pytest_lxdsec.inventory import guest_probe
from tests.support import evidence_sweep


def run(output: str) -> guest_script.Attempts:
    return guest_script.parse(output)


def test_refused_inside_and_allowed_outside_is_shown() -> None:
    inside, control = run(evidence_sweep.probe()), run(evidence_sweep.control())
    assert all(one.shown for one in guest_probe.compare(guest_probe.UNPRIVILEGED, inside, control))
    assert guest_probe.succeeded(guest_probe.UNPRIVILEGED, inside) == ()


def test_same_answer_on_both_sides_is_unclear() -> None:
    inside = run(evidence_sweep.probe())
    assert all(
        one.unclear for one in guest_probe.compare(guest_probe.UNPRIVILEGED, inside, inside)
    )


def test_attempt_without_an_object_on_either_side_is_shown_as_such() -> None:
    group = guest_probe.Group(what="govern modules", attempts=("write a", "write b"))
    nothing = run("write a: absent\nwrite b: absent\nend\n")
    (judged,) = guest_probe.compare([group], nothing, nothing)
    assert judged.shown == ("this kernel has no file or device to try it on",)


def test_success_inside_needs_no_control() -> None:
    group = guest_probe.Group(what="mount", attempts=("mount",))
    (done,) = guest_probe.succeeded([group], run("mount: no: Block device required\nend\n"))
    assert done.shown == ("mount: Block device required",)
