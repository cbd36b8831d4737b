"""`report.html`, in a real browser."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from typing import Any

import lxml.html
import pytest

from pytest_lxdsec.control import Severity
from pytest_lxdsec.reports import html
from pytest_lxdsec.reports.document import Baseline, Document, Other, State
from pytest_lxdsec.verdict import Outcome
from tests.support import chromium
from tests.support import report_documents as made

Element = lxml.html.HtmlElement
MANY = 60_000
MILLISECONDS = 3_000
# Runs in the page, after its own script, and leaves what it found in an attribute.
PROBE = """<script>addEventListener("load", async () => {{
  const told = await (async () => {{ {body} }})();
  document.documentElement.setAttribute("data-told", JSON.stringify(told));
}})</script>"""


def write(whole: Document, directory: pathlib.Path) -> pathlib.Path:
    path = directory / "report.html"
    with path.open("wb") as out:
        html.write(whole, out)
    return path


def opened(whole: Document, directory: pathlib.Path) -> Element:
    """Return the page as the browser has it."""
    return lxml.html.document_fromstring(
        chromium.dom(directory / "profile", write(whole, directory))
    )


def asked(whole: Document, directory: pathlib.Path, body: str, *flags: str) -> object:
    """Return what a script finds in the page; the page's own policy would not let it run."""
    path = write(whole, directory)
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    path.write_text(text.replace("</body>", f"{PROBE.format(body=body)}</body>"))
    flags = ("--virtual-time-budget=2000", *flags)  # timers of the page run before it is read
    found = lxml.html.document_fromstring(chromium.dom(directory / "profile", path, *flags))
    return json.loads(found.get("data-told") or "null")


def as_list(value: object) -> list[Any]:
    assert isinstance(value, list)
    return value


def texts(page: Element, selector: str) -> list[str]:
    return [" ".join(one.text_content().split()) for one in page.cssselect(selector)]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Element:
    return opened(made.full(), tmp_path_factory.mktemp("page"))


def test_chapters_are_the_sections_in_the_guides_order(page: Element) -> None:
    assert texts(page, "#chapters h2") == [
        "Access to the LXD daemon › Local access to the LXD daemon",  # noqa: RUF001 - as menus do
        "Network security › Bridged NIC security",  # noqa: RUF001 - as above
        " ".join(made.HOSTILE.split()),
        "What could not be told",
        "Accepted risks",
        "Other tests that failed",
    ]


def test_finding_is_told_with_object_expectation_and_repair(page: Element) -> None:
    (told,) = texts(page, "#LXD-LOC-01 .finding")
    found = made.finding()
    for part in ("host", found.observed, found.expected, found.origin, found.repair, found.note):
        assert part in told


def test_finding_can_be_copied(page: Element) -> None:
    assert texts(page, "#LXD-LOC-01 .repair .copy") == ["Copy"]


def test_what_was_seen_one_by_one_is_listed_the_rest_on_demand(tmp_path: pathlib.Path) -> None:
    frames = tuple(f"frame {number} was let through" for number in range(7))
    found = dataclasses.replace(made.finding(), details=frames)
    result = dataclasses.replace(made.failed(), finding=found)
    whole = made.make([result])
    assert texts(opened(whole, tmp_path), ".one-by-one li") == list(frames[:5])
    body = """document.querySelector(".one-by-one + .more").click();
    return document.querySelectorAll(".one-by-one li").length"""
    assert asked(whole, tmp_path, body) == len(frames)


def test_findings_of_one_repair_show_it_once(tmp_path: pathlib.Path) -> None:
    whole = made.make([made.failed(subject=f"nic/{n}") for n in "abc"])
    assert len(opened(whole, tmp_path).cssselect(".repair")) == 1


def alike(*names: str) -> Document:
    """Findings that differ by their object and its command."""
    results = [
        dataclasses.replace(
            made.failed(subject=f"nic/{name}"),
            finding=dataclasses.replace(made.finding(), repair=f"repair {name}"),
        )
        for name in names
    ]
    return made.make(results, hosts=[made.host()])


def test_findings_that_differ_by_object_alone_are_one_card(tmp_path: pathlib.Path) -> None:
    found = opened(alike("a", "b", "c"), tmp_path)
    assert len(found.cssselect(".finding")) == len(found.cssselect(".observed")) == 1
    assert texts(found, ".objects code") == ["nic/a", "nic/b", "nic/c"]
    assert texts(found, ".repair pre code") == ["repair a", "repair b", "repair c"]
    assert texts(found, ".repair p") == ["Repair, 3 commands · changes 6 objects"]


def test_head_says_how_many_findings_are_of_which_severity(page: Element) -> None:
    assert texts(page, ".severities > span") == ["1critical", "2high", "1low"]


def test_everything_can_be_opened_at_once(tmp_path: pathlib.Path) -> None:
    body = """
        const all = [...document.querySelectorAll(".control")];
        const open = () => all.filter((one) => one.open).length;
        const press = (text) => [...document.querySelectorAll("button")]
          .find((one) => one.textContent === text).click();
        press("Close all");
        const closed = open();
        press("Open all");
        return [closed, open() === all.length];
    """
    assert asked(made.full(), tmp_path, body) == [0, True]


def test_what_passed_is_made_when_it_is_opened(page: Element) -> None:
    assert page.cssselect("#LXD-BRI-03 .others.pass ul") == []


def test_waived_and_untold_are_apart(page: Element) -> None:
    assert "waived until 2027-01-31" in texts(page, "#LXD-BRI-03 .finding.waived")[0]
    assert texts(page, "#LXD-BRI-03 .untold li .observed") == ["why: error"]


def test_unreached_host_is_an_alert(page: Element) -> None:
    (alert,) = texts(page, ".alert[role=alert]")
    assert alert.startswith("cannot reach ssh://gone")


def test_every_control_of_the_page_has_a_name(page: Element) -> None:
    """A screen reader says what each field is for."""
    for field in page.cssselect("form input, form select"):
        label = field.xpath("ancestor::label")
        assert field.get("aria-label") or label[0].text_content().strip()


def test_state_is_told_in_words_too(page: Element) -> None:
    assert texts(page, ".chapter .state")[0] == "✕ fails"
    assert ", fails" in texts(page, "#contents a")[0]


def test_page_asks_for_nothing_elsewhere(tmp_path: pathlib.Path) -> None:
    text = write(made.full(), tmp_path).read_text(encoding="utf-8")
    found = lxml.html.document_fromstring(text)
    assert found.cssselect("link, img, iframe, script[src]") == []
    assert "url(" not in text.partition("</style>")[0]
    assert "@import" not in text


def test_policy_lets_nothing_run_but_the_pages_own_script(tmp_path: pathlib.Path) -> None:
    path = write(made.full(), tmp_path)
    attack = "<script>document.documentElement.dataset.hacked = 1</script></body>"
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", attack))
    found = lxml.html.document_fromstring(chromium.dom(tmp_path / "profile", path))
    assert found.get("data-ready") is not None
    assert found.get("data-hacked") is None


def test_hostile_names_inject_nothing(tmp_path: pathlib.Path) -> None:
    """Without the policy, so that the page itself is what keeps them out."""
    hostile = "</script><img src=x onerror=alert(1)><script>document.title='hacked'</script><!--"
    results = [
        made.failed(subject=f"instance/default/{hostile}"),
        made.told(Outcome.ERROR, subject=f"nic/{hostile}"),
    ]
    whole = made.make(results, hosts=(made.host(), made.host(hostile, hostile)))
    body = f"""
        document.querySelectorAll("details").forEach((one) => {{ one.open = true; }});
        {WAIT}
        document.querySelectorAll("details").forEach((one) => {{ one.open = true; }});
        {WAIT}
        return [document.title, document.images.length, document.scripts.length];
    """
    title, *counts = as_list(asked(whole, tmp_path, body))
    assert "hacked" not in title
    assert counts == [0, 3]  # no image; data, ours, and the probe


def search(words: str) -> str:
    """Return a script that searches and returns the controls shown and the message."""
    return f"""
        const field = document.querySelector("input[type=search]");
        field.value = {json.dumps(words)};
        field.dispatchEvent(new Event("input"));
        await new Promise((done) => setTimeout(done, 300));
        const shown = [...document.querySelectorAll(".control")].filter((one) => !one.hidden);
        return [shown.map((one) => one.id), document.getElementById("shown").textContent];
    """


def test_search_finds_objects_and_repairs(tmp_path: pathlib.Path) -> None:
    whole = made.make([made.failed(), made.told(Outcome.PASS, made.SOCKET, subject="host")])
    assert asked(whole, tmp_path, search("WEB1 lxc profile")) == [[made.MAC], "1 of 2 results"]


def choose(name: str, value: str) -> str:
    return f"""
        const field = document.querySelector("select[name={name}]");
        field.value = {json.dumps(value)};
        field.dispatchEvent(new Event("change"));
        return document.getElementById("shown").textContent;
    """


@pytest.mark.parametrize(
    ("name", "value"),
    [("host", "1"), ("section", "bridged-nic-security"), ("severity", "critical")],
)
def test_results_are_filtered(tmp_path: pathlib.Path, name: str, value: str) -> None:
    results = [
        made.failed(),
        made.failed(made.SOCKET, made.TWO, "host"),
        made.failed(made.SITE, made.ONE, "host"),
    ]
    assert asked(made.make(results), tmp_path, choose(name, value)) == "1 of 3 results"


def test_results_are_filtered_by_verdict(tmp_path: pathlib.Path) -> None:
    body = """
        document.querySelector("input[value=fail]").click();
        return document.getElementById("shown").textContent;
    """
    whole = made.make([made.failed(), made.told(Outcome.PASS)])
    assert asked(whole, tmp_path, body) == "1 of 2 results"


def test_keyboard_reaches_search_and_every_control(tmp_path: pathlib.Path) -> None:
    body = """
        document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "/", bubbles: true}));
        const found = document.activeElement.name;
        const summary = document.querySelector("#LXD-BRI-03 > summary");
        summary.focus();
        return [found, document.activeElement === summary];
    """
    assert asked(made.full(), tmp_path, body) == ["text", True]


# Every text with the ground below it, as WCAG 2.2 (1.4.3) computes their contrast.
CONTRAST = """
    const rgba = (text) => {
      const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
      return { r, g, b, a };
    };
    const over = (top, below) => Object.fromEntries(["r", "g", "b"].map(
      (one) => [one, top[one] * top.a + below[one] * (1 - top.a)]));
    const light = ({ r, g, b }) => [r, g, b].map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
      .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
    const ground = (element) => {
      if (!element) return { r: 255, g: 255, b: 255 };
      const own = rgba(getComputedStyle(element).backgroundColor);
      return own.a === 1 ? own : over(own, ground(element.parentElement));
    };
    const poor = new Set();
    let seen = 0;
    for (const element of document.querySelectorAll("body *")) {
      const texts = [...element.childNodes].filter((n) => n.nodeType === 3 && n.data.trim());
      if (!texts.length || !element.getClientRects().length) continue;
      const below = ground(element);
      const told = over(rgba(getComputedStyle(element).color), below);
      const [dark, bright] = [light(told), light(below)].sort((a, b) => a - b);
      const contrast = (bright + 0.05) / (dark + 0.05);
      seen += 1;
      if (contrast < 4.5) {
        poor.add(`${element.tagName}.${element.className} ${contrast.toFixed(2)}`);
      }
    }
    return [seen, [...poor], getComputedStyle(document.body).backgroundColor];
"""


@pytest.mark.parametrize(
    ("scheme", "paper"), [("1", "rgb(251, 251, 250)"), ("0", "rgb(21, 23, 26)")]
)
def test_every_text_stands_out_from_its_ground(
    tmp_path: pathlib.Path, scheme: str, paper: str
) -> None:
    flag = f"--blink-settings=preferredColorScheme={scheme}"
    body = f"for (const one of document.querySelectorAll('details')) one.open = true; {WAIT}"
    seen, poor, ground = as_list(asked(shown(), tmp_path, body + CONTRAST, flag))
    assert (poor, ground) == ([], paper)
    assert seen > 100


WAIT = "await new Promise((done) => setTimeout(done, 50));"


def shown() -> Document:
    """Whatever the page has a colour for."""
    new, known = (
        dataclasses.replace(made.failed(subject=f"nic/{one.value}"), baseline=one, tolerated=told)
        for one, told in ((Baseline.NEW, ""), (Baseline.UNCHANGED, "in the baseline"))
    )
    whole = made.full()
    others = [Other(name="test_a.py::test_b", state=State.FAILED, reason="no", text="E  no")]
    levels = [made.control(f"ACME-{one.value}", "Acme's rules", one) for one in Severity]
    return made.make(
        [*whole.results, new, known, *(made.failed(one.id) for one in levels)],
        hosts=whole.hosts,
        waivers=whole.waivers,
        controls=(*whole.controls, *levels),
        others=others,
        complete=False,
    )


def test_other_tests_that_failed_are_told(tmp_path: pathlib.Path) -> None:
    found = opened(shown(), tmp_path)
    assert texts(found, ".other h3") == ["test_a.py::test_b"]
    assert "1 other test failed" in texts(found, "h1")[0]


def test_link_leads_to_what_the_filters_hide(tmp_path: pathlib.Path) -> None:
    body = f"""
        const field = document.querySelector("select[name=severity]");
        field.value = "critical";
        field.dispatchEvent(new Event("change"));
        const target = document.getElementById("LXD-BRI-03");
        const before = target.hidden;
        location.hash = "#LXD-BRI-03";
        {WAIT}
        return [before, target.hidden, target.open, document.activeElement.parentElement.id];
    """
    assert asked(made.full(), tmp_path, body) == [True, False, True, "LXD-BRI-03"]


@pytest.mark.parametrize("hash_", ["#%", "#nothing", "#%C3"])
def test_link_to_nothing_breaks_nothing(tmp_path: pathlib.Path, hash_: str) -> None:
    body = f"""
        let errors = 0;
        addEventListener("error", () => {{ errors += 1; }});
        location.hash = {json.dumps(hash_)};
        {WAIT}
        return errors;
    """
    assert asked(made.full(), tmp_path, body) == 0


def test_paper_has_what_a_button_would_show(tmp_path: pathlib.Path) -> None:
    body = """
        dispatchEvent(new Event("beforeprint"));
        return [...document.querySelectorAll("#LXD-BRI-03 .finding")].length;
    """
    results = [
        dataclasses.replace(
            made.failed(subject=f"nic/{n}"),
            finding=dataclasses.replace(made.finding(), note=str(n)),
        )
        for n in range(30)
    ]
    assert asked(made.make(results), tmp_path, body) == 30


def test_what_the_line_names_is_not_told_twice(tmp_path: pathlib.Path) -> None:
    finding = dataclasses.replace(made.finding("2 wait: a 1.0 and 1 more"), details=("a 1.0", "b"))
    result = dataclasses.replace(made.failed(), reason=finding.observed, finding=finding)
    assert texts(opened(made.make([result]), tmp_path), ".one-by-one li") == ["b"]


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_screen(tmp_path: pathlib.Path, width: int) -> None:
    long = dataclasses.replace(made.failed(subject=f"nic/{'x' * 300}"), reason="y" * 300)
    body = "return [innerWidth, document.documentElement.scrollWidth]"
    whole = made.make([*made.full().results, long], hosts=made.full().hosts)
    inner, scrolled = as_list(asked(whole, tmp_path, body, f"--window-size={width},900"))
    assert inner <= max(width, 500)  # the browser's own least
    assert scrolled <= inner


def test_sixty_thousand_results_open_at_once(tmp_path: pathlib.Path) -> None:
    results = [
        made.failed(subject=f"nic/{place}")
        if place % 60 == 0
        else made.told(Outcome.PASS, subject=f"nic/default/web{place}/eth0")
        for place in range(MANY)
    ]
    found = opened(made.make(results), tmp_path)
    assert texts(found, "#shown") == ["60,000 results"]
    assert int(found.get("data-ready") or MILLISECONDS) < MILLISECONDS
