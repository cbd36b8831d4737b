// What the reader wants to see; everything else of the page asks `wanted`.

const filters = { text: "", host: "", section: "", severity: "", hidden: new Set() };
let redraw = () => {};

function isFiltered() {
  const { text, host, section, severity, hidden } = filters;
  return Boolean(text || host || section || severity || hidden.size);
}

function wantsControl(control) {
  if (filters.section && control.section !== filters.section) return false;
  if (!filters.severity) return true;
  return SEVERITIES.indexOf(control.severity) <= SEVERITIES.indexOf(filters.severity);
}

function wanted(at) {
  if (filters.hidden.has(columns.verdict[at])) return false;
  if (filters.host && String(columns.host[at]) !== filters.host) return false;
  return !filters.text || filters.text.split(/\s+/).every((word) => haystack(at).includes(word));
}

// The wanted results of a control, by verdict.
function found(place) {
  const verdicts = {};
  if (!wantsControl(data.controls[place])) return verdicts;
  const [start, end] = runs[place];
  for (let at = start; at < end; at++) {
    if (wanted(at)) (verdicts[columns.verdict[at]] ||= []).push(at);
  }
  return verdicts;
}

function choice(name, label, options) {
  const chosen = make("select", { name, change: (event) => set(name, event.target.value) },
    make("option", { value: "" }, `All ${label}`),
    options.map(([value, text]) => make("option", { value }, text)));
  return make("label", {}, unseen(`Only of these ${label}: `), chosen);
}

function set(name, value) {
  filters[name] = value;
  redraw();
}

function toggle(verdict, isShown) {
  if (isShown) filters.hidden.delete(verdict);
  else filters.hidden.add(verdict);
  redraw();
}

function chip([verdict, text]) {
  const box = make("input", { type: "checkbox", checked: true, value: verdict,
    change: (event) => toggle(verdict, event.target.checked) });
  return make("label", { class: `chip ${verdict}` }, box, make("span", {}, text, " ",
    make("b", {}, number(data.counts[verdict]))));
}

function searchField() {
  let waiting = 0;
  const field = make("input", { type: "search", name: "text", autocomplete: "off",
    placeholder: "Search objects, findings, repairs", "aria-label": "Search in all results" });
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => set("text", field.value.trim().toLowerCase()), 120);
  });
  return field;
}

function drawFilters() {
  const form = document.getElementById("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    Object.assign(filters, { text: "", host: "", section: "", severity: "", hidden: new Set() });
    setTimeout(() => redraw());
  });
  const shown = VERDICTS.filter(([verdict]) => data.counts[verdict]);
  const severities = SEVERITIES.map((one, place) => [one, place ? `${one} or worse` : one]);
  form.append(
    make("div", { class: "row" }, searchField(),
      data.hosts.length > 1
        ? choice("host", "hosts", data.hosts.map((host, place) => [place, host.name])) : null,
      choice("section", "sections", data.sections.map((s) => [s.anchor, s.path.at(-1)])),
      choice("severity", "severities", severities),
      make("button", { type: "reset" }, "Reset")),
    make("fieldset", { class: "row" }, make("legend", { class: "unseen" }, "Verdicts to show"),
      shown.map(chip), make("output", { id: "shown", "aria-live": "polite" }),
      make("button", { type: "button", class: "plain", click: () => openAll(true) }, "Open all"),
      make("button", { type: "button", class: "plain", click: () => openAll(false) },
        "Close all")));
}
