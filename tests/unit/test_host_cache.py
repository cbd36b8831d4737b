"""What is kept of what took minutes to build: whole, by content, and not for ever."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

import pytest

from tests.host import cache

ROOT = pathlib.Path(__file__).parents[2]
# Has begun an entry, says so, and waits to be killed.
BUILDER = """
import time
from tests.host import cache

def build(place):
    (place / "half").touch()
    print("begun", flush=True)
    time.sleep(60)

cache.entry("one", build)
"""


@pytest.fixture(autouse=True)
def base(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "lxdsec"


def build(place: pathlib.Path) -> None:
    (place / "content").write_text("whole")


def refuse(place: pathlib.Path) -> None:
    raise AssertionError(place)


def fail(place: pathlib.Path) -> None:
    (place / "content").write_text("half")
    raise OSError("no space")


def test_what_is_there_is_not_built_again(base: pathlib.Path) -> None:
    assert cache.entry("one", build) == base / "one"
    assert (cache.entry("one", refuse) / "content").read_text() == "whole"


def test_it_is_nobody_else_s(base: pathlib.Path) -> None:
    place = cache.entry("one", build)
    assert [path.stat().st_mode & 0o777 for path in (base, place)] == [0o700, 0o700]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def test_it_knows_what_it_took() -> None:
    loop = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.2: pass"]
    cost = cache.cost(cache.entry("one", lambda _: _run(loop)))
    assert 0.2 <= cost["processor"] <= cost["seconds"] + 0.1


def test_a_build_that_fails_leaves_nothing(base: pathlib.Path) -> None:
    with pytest.raises(OSError, match="no space"):
        cache.entry("one", fail)
    assert [path.name for path in base.iterdir()] == ["lock"]
    assert (cache.entry("one", build) / "content").read_text() == "whole"


def test_a_killed_build_is_not_taken_for_a_whole_one_and_goes_with_the_next(
    base: pathlib.Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUILDER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "begun\n"
        run.kill()
    assert [path.name for path in sorted(base.iterdir())] == ["lock", f"one{cache.HALF}"]
    cache.entry("another", build)
    assert [path.name for path in sorted(base.iterdir())] == ["another", "lock"]


def test_who_comes_second_waits_for_the_first_and_builds_nothing(base: pathlib.Path) -> None:
    program = BUILDER.replace("60", "1")
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "begun\n"
        assert cache.entry("one", refuse) == base / "one"


def test_what_nobody_has_used_for_weeks_goes(base: pathlib.Path) -> None:
    for name in ("old", "young"):
        cache.entry(name, build)
    past = time.time() - cache.UNUSED_SECONDS - 60
    os.utime(base / "old", (past, past))
    cache.entry("young", refuse)
    assert sorted(path.name for path in base.iterdir()) == ["lock", "young"]


def test_to_be_used_is_to_stay(base: pathlib.Path) -> None:
    place = cache.entry("one", build)
    past = time.time() - cache.UNUSED_SECONDS - 60
    os.utime(place, (past, past))
    cache.entry("one", refuse)
    cache.entry("another", build)
    assert (base / "one").is_dir()


def test_a_key_tells_where_a_part_ends() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")
    assert cache.key("ab", b"c") == cache.key(b"ab", "c")


def test_a_source_s_content_is_its_key(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "recipe"
    path.write_text("one")
    before = cache.key(cache.sources([path]))
    path.write_text("two")
    assert cache.key(cache.sources([path])) != before
