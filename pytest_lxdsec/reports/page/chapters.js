// The guide's sections as chapters, a control's results when it is opened.

const MOST_CARDS = 8;
const MOST_COMMANDS = 25;
const MOST_OBJECTS = 25;
const MOST_DETAILS = 5;

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
    make("p", { class: "rationale" }, about,
      make("span", {}, `${control.level} · ${control.kind} · `,
        make("a", { href: `#${control.id}`, "aria-label": `Link to ${control.id}` }, "link"))),
    ...(fail ? findings(fail, "fail") : []),
    ...(error ? [untold(error)] : []),
    ...(waived ? findings(waived, "waived") : []),
    ...VERDICTS.filter(([verdict]) => rest[verdict])
      .map(([verdict, text]) => others(rest[verdict], verdict, text)));
}

// Findings that differ by their object alone are one card, with a list of commands.
function findings(places, verdict) {
  const groups = grouped(places, (at) => {
    const finding = result.finding(at);
    return [columns.host[at], finding.expected, finding.note, finding.repair === "",
      verdict === "waived" ? result.tolerated(at) : ""];
  });
  return first(groups.flatMap(inCards), MOST_CARDS, (card) => drawFinding(card, verdict),
    make("div", { class: "findings" }));
}

function grouped(places, key) {
  const groups = new Map();
  for (const at of places) {
    const name = JSON.stringify(key(at));
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(at);
  }
  return [...groups.values()];
}

// A card has so many commands that a person can see them through.
function inCards(places) {
  const runs = grouped(places, (at) => [result.finding(at).repair]);
  const cards = [];
  for (let from = 0; from < runs.length; from += MOST_COMMANDS) {
    cards.push(runs.slice(from, from + MOST_COMMANDS).flat());
  }
  return cards;
}

function drawFinding(places, verdict) {
  const finding = result.finding(places[0]);
  const alike = grouped(places, (at) => [columns.reason[at], result.finding(at).details,
    result.finding(at).origin, result.tolerated(at), result.isNew(at)]);
  return make("article", { class: `finding ${verdict}` },
    verdict === "waived" ? make("p", { class: "accepted" }, result.tolerated(places[0])) : null,
    first(alike, MOST_OBJECTS, (group) => drawObserved(group, verdict), make("ul", {})),
    make("p", { class: "expected" }, make("b", {}, "Expected "), finding.expected),
    finding.repair ? drawRepair(places) : null,
    finding.note ? make("p", { class: "note" }, finding.note) : null);
}

function drawRepair(places) {
  const changes = new Map(places.map((at) => {
    const finding = result.finding(at);
    return [finding.repair, finding.touches];
  }));
  const touched = [...changes.values()].reduce((sum, n) => sum + n, 0);
  const told = touched ? ` · changes ${count(touched, "object")}` : "";
  const many = changes.size > 1 ? `, ${number(changes.size)} commands` : "";
  const commands = [...changes.keys()].join("\n");
  return make("div", { class: "repair" }, make("p", {}, make("b", {}, "Repair"), many, told),
    make("pre", { tabindex: "0", role: "group", "aria-label": "Repair" },
      [...changes.keys()].map((one) => make("code", {}, `${one}\n`))), copying(commands));
}

// What was seen, once, and on which objects.
function drawObserved(places, verdict) {
  const [at] = places;
  const { details, origin } = result.finding(at);
  const status = verdict === "fail" ? result.tolerated(at) : "";
  const unnamed = details.filter((one) => !result.reason(at).includes(one));
  return drawSeen(places,
    origin ? make("span", { class: "origin" }, "from ", origin) : null,
    result.isNew(at) ? make("span", { class: "mark new" }, "new") : null,
    status ? make("span", { class: "mark" }, status) : null,
    unnamed.length ? first(unnamed, MOST_DETAILS, (one) => make("li", {}, one),
      make("ul", { class: "one-by-one" })) : null);
}

function drawSeen(places, ...more) {
  const about = make("span", { class: "observed" }, result.reason(places[0]));
  if (places.length === 1) return make("li", {}, object(places[0]), about, ...more);
  return make("li", {}, about, ...more,
    first(places, MOST_OBJECTS, object, make("div", { class: "objects" })));
}

function object(at) {
  const host = data.hosts.length > 1 ? `${result.host(at)} ` : "";
  return make("code", {}, host ? make("span", { class: "host" }, host) : null,
    result.subject(at));
}

function untold(places) {
  return make("div", { class: "untold" }, make("p", {}, make("b", {}, "Cannot tell")),
    first(grouped(places, (at) => [columns.reason[at]]), MOST_OBJECTS,
      (group) => drawSeen(group), make("ul", {})));
}

function others(places, verdict, text) {
  const element = make("details", { class: `others ${verdict}` },
    make("summary", {}, `${number(places.length)} ${text.toLowerCase()}`));
  element.addEventListener("toggle", () => {
    if (!element.open || element.querySelector("ul")) return;
    element.append(...first(grouped(places, (at) => [columns.reason[at]]), 200,
      (group) => drawSeen(group), make("ul", {})));
  });
  element.open = Boolean(filters.text) && places.length <= 100;
  return element;
}
