// The guide's sections as chapters, a control's results when it is opened.

const MOST_GROUPS = 25;
const MOST_OBJECTS = 12;

function drawChapter(section) {
  const [glyph, state] = STATES[section.state];
  const above = section.path.slice(0, -1).join(" › ");
  const id = `section-${section.anchor}`;
  return make("section", { class: "chapter", "aria-labelledby": id },
    make("header", {},
      make("h2", { id }, above ? make("small", {}, `${above} › `) : null, section.path.at(-1)),
      make("span", { class: `state ${section.state.replaceAll(" ", "-")}` },
        make("span", { "aria-hidden": "true" }, glyph, " "), state),
      section.url ? link(section.url, "Read it in the guide") : null),
    controlsOf.get(section.anchor).map(drawControl));
}

function drawControl(place) {
  const control = data.controls[place];
  const element = make("details", { class: "control", id: control.id, "data-place": place },
    make("summary", {},
      make("span", { class: `severity ${control.severity}` }, control.severity),
      make("h3", {}, control.title),
      make("code", { class: "id" }, control.id),
      make("span", { class: "tally" })),
    make("div", { class: "body" }));
  element.addEventListener("toggle", () => { if (element.open) fill(element); });
  return element;
}

function update(element) {
  const place = Number(element.dataset.place);
  const verdicts = found(place);
  element.hidden = Object.keys(verdicts).length === 0;
  element.found = verdicts;
  element.isFilled = false;
  element.querySelector(".tally").replaceChildren(...VERDICTS
    .filter(([verdict]) => verdicts[verdict])
    .map(([verdict, text]) => make("span", { class: verdict },
      `${number(verdicts[verdict].length)} ${text.toLowerCase()}`)));
  if (element.open) fill(element);
}

function fill(element) {
  if (element.isFilled) return;
  element.isFilled = true;
  const { fail, error, waived, ...rest } = element.found;
  const control = data.controls[Number(element.dataset.place)];
  const about = `${control.rationale} `;
  element.querySelector(".body").replaceChildren(
    make("p", { class: "rationale" }, about, make("span", {}, `${control.level} · ${control.kind}`)),
    ...(fail ? findings(fail, "fail") : []),
    ...(error ? [untold(error)] : []),
    ...(waived ? findings(waived, "waived") : []),
    ...VERDICTS.filter(([verdict]) => rest[verdict])
      .map(([verdict, text]) => others(rest[verdict], verdict, text)));
}

// Findings that one command repairs belong together, so that it is there once.
function findings(places, verdict) {
  const groups = new Map();
  for (const at of places) {
    const finding = result.finding(at);
    const key = JSON.stringify([columns.host[at], finding.repair, finding.note,
      finding.expected, verdict === "waived" ? result.tolerated(at) : ""]);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(at);
  }
  return first([...groups.values()], MOST_GROUPS, (group) => drawFinding(group, verdict),
    make("div", { class: "findings" }));
}

function drawFinding(places, verdict) {
  const finding = result.finding(places[0]);
  const changes = finding.touches ? ` · changes ${count(finding.touches, "object")}` : "";
  return make("article", { class: `finding ${verdict}` },
    verdict === "waived" ? make("p", { class: "accepted" }, result.tolerated(places[0])) : null,
    first(places, MOST_OBJECTS, (at) => drawObject(at, verdict), make("ul", {})),
    make("p", { class: "expected" }, make("b", {}, "Expected "), finding.expected),
    finding.repair ? make("div", { class: "repair" },
      make("p", {}, make("b", {}, "Repair"), changes), make("pre", { tabindex: "0" },
        finding.repair), copying(finding.repair)) : null,
    finding.note ? make("p", { class: "note" }, finding.note) : null);
}

function drawObject(at, verdict) {
  const finding = result.finding(at);
  const status = verdict === "fail" ? result.tolerated(at) : "";
  return make("li", {}, object(at), make("span", { class: "observed" }, result.reason(at)),
    finding.origin ? make("span", { class: "origin" }, "from ", finding.origin) : null,
    result.isNew(at) ? make("span", { class: "mark" }, "new") : null,
    status ? make("span", { class: "mark" }, status) : null);
}

function object(at) {
  const host = data.hosts.length > 1 ? `${result.host(at)} ` : "";
  return make("code", {}, host ? make("span", { class: "host" }, host) : null,
    result.subject(at));
}

function untold(places) {
  return make("div", { class: "untold" }, make("p", {}, make("b", {}, "Cannot tell")),
    first(places, MOST_OBJECTS, (at) => make("li", {}, object(at),
      make("span", { class: "observed" }, result.reason(at))), make("ul", {})));
}

function others(places, verdict, text) {
  const element = make("details", { class: `others ${verdict}` },
    make("summary", {}, `${number(places.length)} ${text.toLowerCase()}`));
  element.addEventListener("toggle", () => {
    if (!element.open || element.querySelector("ul")) return;
    element.append(...first(places, 200, (at) => make("li", {}, object(at),
      make("span", { class: "observed" }, result.reason(at))), make("ul", {})));
  });
  element.open = Boolean(filters.text) && places.length <= 100;
  return element;
}
