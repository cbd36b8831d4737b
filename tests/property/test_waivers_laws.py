from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from pytest_lxdsec.policy import waivers
from pytest_lxdsec.policy.waivers import Waiver

DAYS = st.dates(datetime.date(2026, 1, 1), datetime.date(2026, 1, 9))
CONTROLS = st.sampled_from(["LXD-A-01", "LXD-B-01"])
WAIVERS = st.lists(
    st.builds(
        Waiver,
        control=CONTROLS,
        subject=st.sampled_from(["*", "server", "instance/default/*", "instance/*/web?"]),
        host=st.sampled_from(["*", "a"]),
        reason=st.just("because"),
        owner=st.just("ops"),
        expires=DAYS,
        max_subjects=st.none(),
        source=st.integers(1, 99).map("policy.toml:{}".format),
    )
)
SUBJECTS = st.sampled_from(["server", "instance/default/web1", "instance/prod/web1", "host"])
HOSTS = st.sampled_from(["a", "b"])


@given(WAIVERS, CONTROLS, SUBJECTS, HOSTS, DAYS)
def test_match_is_the_first_of_those_that_are_live_and_speak_of_it(
    given_: list[Waiver], control: str, subject: str, host: str, on: datetime.date
) -> None:
    found = waivers.match(given_, control=control, subject=subject, host=host, on=on)
    ended = waivers.expired(given_, on)
    live = [
        each
        for each in given_
        if each not in ended and each.covers(control=control, subject=subject, host=host)
    ]
    assert found == (live[0] if live else None)


@given(WAIVERS, DAYS)
def test_waiver_that_has_expired_stays_expired(given_: list[Waiver], on: datetime.date) -> None:
    later = on + datetime.timedelta(days=1)
    assert set(waivers.expired(given_, on)) <= set(waivers.expired(given_, later))


@given(WAIVERS, CONTROLS, SUBJECTS, HOSTS)
def test_nothing_is_waived_after_the_last_day_of_all(
    given_: list[Waiver], control: str, subject: str, host: str
) -> None:
    on = datetime.date(2026, 1, 10)
    assert waivers.match(given_, control=control, subject=subject, host=host, on=on) is None
