// The page as a whole: its head, its contents, what stands behind the chapters.

function drawTop() {
  const { fail, error } = data.counts;
  const unreached = data.hosts.filter((host) => host.error);
  const said = [fail ? count(fail, "finding") : "No findings"];
  if (error) said.push(`${number(error)} could not be told`);
  if (unreached.length) said.push(`${count(unreached.length, "host")} not reached`);
  if (data.wrong_waivers) said.push(`${count(data.wrong_waivers, "waiver")} to correct`);
  if (data.others.length) said.push(`${count(data.others.length, "other test")} failed`);
  document.getElementById("top").append(
    make("p", { class: "label" }, link(data.guide.url, data.guide.title),
      ` · edition of ${data.guide.edition}`),
    make("h1", {}, said.join(", ")),
    fail ? severities() : "",
    bar(),
    ...unreached.map((host) => make("p", { class: "alert", role: "alert" }, host.error)),
    data.complete ? "" : make("p", { class: "alert", role: "alert" },
      "The run was cut short, or nothing was run: what is not here was not looked at."),
    hostTable());
}

function severities() {
  const counts = Object.fromEntries(SEVERITIES.map((severity) => [severity, 0]));
  let tolerated = 0;
  let news = 0;
  for (let at = 0; at < total; at++) {
    if (columns.verdict[at] !== "fail") continue;
    counts[data.controls[columns.control[at]].severity] += 1;
    if (result.tolerated(at)) tolerated += 1;
    if (result.isNew(at)) news += 1;
  }
  const found = SEVERITIES.filter((severity) => counts[severity]);
  return make("p", { class: "severities" },
    found.map((severity) => make("span", {}, make("b", {}, number(counts[severity])),
      make("span", { class: `severity ${severity}` }, severity))),
    news ? make("span", {}, make("b", {}, number(news)), "new since the baseline") : null,
    tolerated ? make("span", {}, make("b", {}, number(tolerated)), "do not fail the run") : null);
}

function bar() {
  const shown = VERDICTS.filter(([verdict]) => data.counts[verdict]);
  const text = shown.map(([verdict, name]) => `${data.counts[verdict]} ${name.toLowerCase()}`);
  const element = make("div", { class: "bar", role: "img", "aria-label": text.join(", ") });
  for (const [verdict] of shown) {
    const part = make("span", { class: verdict });
    part.style.flexGrow = data.counts[verdict];
    element.append(part);
  }
  return element;
}

function hostTable() {
  const reached = data.hosts.filter((host) => !host.error);
  const rows = reached.map((host) => make("tr", {},
    make("th", { scope: "row" }, host.name),
    make("td", {}, host.lxd ? `LXD ${host.lxd}` : "LXD of unknown version"),
    make("td", {}, host.system || "host not seen", host.kernel ? make("small", {},
      ` ${host.kernel}`) : null),
    make("td", {}, Object.entries(host.objects).map(([name, n]) => `${number(n)} ${name}`)
      .join(", ")),
    make("td", {}, seen(host), host.evidence ? make("small", {}, host.evidence) : null)));
  const head = ["Host", "LXD", "System", "Objects", "Seen"];
  return rows.length ? make("div", { class: "wide" }, make("table", { class: "hosts" },
    make("thead", {}, make("tr", {}, head.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, rows))) : "";
}

function seen(host) {
  const taken = host.taken.slice(0, 16).replace("T", " ");
  return `${taken} UTC, in ${host.seconds.toFixed(2)} s`;
}

function drawContents() {
  const entries = data.sections.map((section) => {
    const [glyph, state] = STATES[section.state];
    return make("li", {}, make("a", { href: `#section-${section.anchor}` },
      make("span", { class: `glyph ${section.state.replaceAll(" ", "-")}`, "aria-hidden": "true" },
        glyph), make("span", {}, section.path.at(-1)), unseen(`, ${state}`),
      section.counts.fail ? make("b", {}, number(section.counts.fail)) : null));
  });
  const extra = [["untold", "What could not be told", data.counts.error],
    ["waivers", "Accepted risks", data.waivers.length],
    ["others", "Other tests", data.others.length]]
    .filter(([, , n]) => n)
    .map(([id, text, n]) => make("li", { class: "extra" },
      make("a", { href: `#${id}` }, make("span", {}, text), make("b", {}, number(n)))));
  document.getElementById("contents").append(make("ul", {}, entries, extra));
}

// "Cannot tell" set apart: by its cause, since one missing fact silences many controls.
function drawUntold() {
  const causes = new Map();
  for (let at = 0; at < total; at++) {
    if (columns.verdict[at] !== "error") continue;
    const key = columns.reason[at];
    if (!causes.has(key)) causes.set(key, []);
    causes.get(key).push(at);
  }
  if (!causes.size) return [];
  return [make("section", { class: "chapter", "aria-labelledby": "untold" },
    make("header", {}, make("h2", { id: "untold" }, "What could not be told")),
    make("p", { class: "lead" }, "These are neither right nor wrong: a fact was missing. ",
      "Each is an error of the run until it can be seen."),
    first([...causes], MOST_OBJECTS, drawCause, make("div", {})))];
}

function drawCause([reason, places]) {
  const ids = [...new Set(places.map((at) => data.controls[columns.control[at]].id))];
  return make("div", { class: "untold" }, make("p", {}, told(columns.reasons[reason])),
    make("p", { class: "origin" }, `${count(places.length, "object")}: `,
      ids.flatMap((id) => [make("a", { href: `#${id}` }, id), " "])));
}

function drawWaivers() {
  if (!data.waivers.length) return [];
  const head = ["State", "Control", "Object", "Until", "Owner and reason", "Where"];
  const rows = data.waivers.map((waiver) => make("tr", {},
    make("td", {}, make("span", { class: `waiver ${waiver.state.replaceAll(" ", "-")}` },
      waiver.state), make("small", {}, waiver.text)),
    make("td", {}, make("a", { href: `#${waiver.control}` }, waiver.control)),
    make("td", {}, make("code", {}, waiver.subject), waiver.host === "*" ? null
      : make("small", {}, `on ${waiver.host}`)),
    make("td", {}, waiver.expires),
    make("td", {}, waiver.owner, make("small", {}, waiver.reason)),
    make("td", {}, make("code", {}, waiver.source))));
  return [make("section", { class: "chapter", "aria-labelledby": "waivers" },
    make("header", {}, make("h2", { id: "waivers" }, "Accepted risks")),
    make("div", { class: "wide" }, make("table", { class: "waivers" },
      make("thead", {}, make("tr", {}, head.map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, rows))))];
}

// Tests of the run that are no controls; only those that fail it are told.
function drawOthers() {
  if (!data.others.length) return [];
  return [make("section", { class: "chapter", "aria-labelledby": "others" },
    make("header", {}, make("h2", { id: "others" }, "Other tests that failed")),
    data.others.map((other) => make("details", { class: "control other" },
      make("summary", {}, make("span", { class: "severity" }, other.state),
        make("h3", {}, other.name)),
      make("div", { class: "body" }, make("pre", { tabindex: "0", role: "group",
        "aria-label": "What pytest says" }, other.text || other.reason)))))];
}

function draw() {
  let shown = 0;
  const controls = [...document.querySelectorAll(".control[data-place]")];
  for (const element of controls) {
    update(element);
    for (const places of Object.values(element.found)) shown += places.length;
  }
  for (const chapter of document.querySelectorAll(".chapter")) {
    const own = [...chapter.querySelectorAll(".control")];
    chapter.hidden = own.length > 0 && own.every((element) => element.hidden);
  }
  const isFew = filters.text && shown <= 100;
  if (isFew) controls.forEach((element) => { element.open ||= !element.hidden; });
  document.getElementById("shown").textContent = isFiltered()
    ? `${number(shown)} of ${count(total, "result")}` : count(total, "result");
}

// Everything at once: to read on, or to print.
function openAll(isOpen) {
  for (const element of document.querySelectorAll(".control")) {
    if (!element.hidden) element.open = isOpen;
  }
}

function targeted() {
  try {
    return document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch { // a % that encodes nothing
    return null;
  }
}

// What a link leads to is shown, whatever the filters say.
function openTarget() {
  const target = targeted();
  if (!target) return;
  if (target.closest("[hidden]")) document.getElementById("filters").reset();
  setTimeout(() => {
    if (target.matches("details")) target.open = true;
    target.scrollIntoView();
    const own = target.matches("details") ? target.querySelector("summary") : target;
    if (own !== target || target.matches("[tabindex]")) own.focus({ preventScroll: true });
  });
}

// Paper has no buttons: what they would show is printed, as far as that is readable.
function beforePrint() {
  for (const button of document.querySelectorAll(".more:not([hidden])")) button.click();
}

function start() {
  drawTop();
  drawFilters();
  drawContents();
  document.getElementById("chapters").append(...data.sections.map(drawChapter),
    ...drawUntold(), ...drawWaivers(), ...drawOthers());
  document.getElementById("bottom").append(
    `${data.tool.name} ${data.tool.version}. The same data for programs: report.json.`);
  redraw = draw;
  draw();
  for (const element of document.querySelectorAll(".control[data-place]")) {
    if (element.found.fail || element.found.error) element.open = true;
  }
  addEventListener("hashchange", openTarget);
  addEventListener("beforeprint", beforePrint);
  addEventListener("keydown", (event) => {
    const isOurs = event.key === "/" && !(event.ctrlKey || event.altKey || event.metaKey);
    if (!isOurs || event.target.matches("input:not([type=checkbox]), select")) return;
    event.preventDefault();
    document.querySelector("input[type=search]").focus();
  });
  if (location.hash) openTarget();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start();
