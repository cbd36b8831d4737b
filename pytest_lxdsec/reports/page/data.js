// The embedded data, and what is asked of it often.

const data = JSON.parse(document.getElementById("data").textContent);
const columns = data.results;
const total = columns.control.length;
const VERDICTS = [
  ["fail", "Fail"],
  ["error", "Cannot tell"],
  ["waived", "Waived"],
  ["pass", "Pass"],
  ["manual", "Manual"],
  ["not-assessed", "Not assessed"],
  ["not-applicable", "Not applicable"],
];
const SEVERITIES = ["critical", "high", "medium", "low"];
const STATES = {
  "fail": ["✕", "fails"],
  "cannot tell": ["?", "cannot be told"],
  "ok": ["✓", "ok"],
  "nothing seen to pass": ["–", "nothing was seen to pass"],
};

// Results stand in the order of the controls: each control has a run of them.
const runs = data.controls.map(() => [0, 0]);
for (let at = 0; at < total; at++) {
  const run = runs[columns.control[at]];
  if (run[1] === 0) run[0] = at;
  run[1] = at + 1;
}

const controlsOf = new Map(data.sections.map((section) => [section.anchor, []]));
data.controls.forEach((control, place) => controlsOf.get(control.section).push(place));

const result = {
  host: (at) => data.hosts[columns.host[at]].name,
  subject: (at) => columns.subjects[columns.subject[at]],
  verdict: (at) => columns.verdict[at],
  reason: (at) => told(columns.reasons[columns.reason[at]]),
  finding: (at) => columns.findings[columns.finding[at]] || null,
  tolerated: (at) => columns.tolerated[at] || "",
  isNew: (at) => columns.baseline[at] === "new",
};

// The page says in its own words that a thing cannot be told.
function told(reason) {
  return reason.replace(/^cannot tell: /, "");
}

const haystacks = [];
function haystack(at) {
  if (haystacks[at] === undefined) {
    const control = data.controls[columns.control[at]];
    const finding = result.finding(at);
    const told = [control.id, control.title, result.host(at), result.subject(at),
      result.reason(at), result.tolerated(at)];
    if (finding) told.push(finding.expected, finding.origin, finding.repair, finding.note);
    haystacks[at] = told.join("\n").toLowerCase();
  }
  return haystacks[at];
}
