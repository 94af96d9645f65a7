import { get, post } from "./api.js";
import { find, make, say } from "./dom.js";
import { dateAndTime, number, t, tn, word } from "./i18n.js";

const PAGE = 10_000;
// Long histories take minutes to replay.
const SLOW = { patience: 600_000 };
const AT_ONCE = 200;
const FILTERS = ["kind", "who", "from", "until", "about"];

const { round } = find("#ledger").dataset;
const here = `/api/v1/rounds/${encodeURIComponent(round)}`;
const body = find("#lines tbody");
let lines = [];
let limit = AT_ONCE;

async function load() {
  try {
    let after = "";
    do {
      const part = await get(`${here}/ledger?limit=${PAGE}${after && `&after=${encodeURIComponent(after)}`}`, SLOW);
      lines.push(...part.items);
      after = part.next ?? "";
    } while (after);
    offerKinds();
    show();
  } catch (error) {
    say(find("#error"), error.sentence);
  }
  find("#loading").hidden = true;
}

function offerKinds() {
  const people = [...new Set(lines.map((line) => line.actor))].sort();
  find("#who").append(...people.map((name) => make("option", { value: name }, name)));
  const kinds = [...new Set(lines.map((line) => line.kind))].sort();
  find("#kind").append(...kinds.map((kind) => make("option", { value: kind }, word("decision", kind))));
  // What somebody filters by stands in the address, so that it can be cited.
  const asked = new URLSearchParams(location.search);
  for (const name of FILTERS) find(`#${name}`).value = asked.get(name) ?? "";
}

function show() {
  const kind = find("#kind").value;
  const about = find("#about").value.trim().toLowerCase();
  const who = find("#who").value;
  const [from, until] = [find("#from").value, find("#until").value];
  const found = lines.filter(
    (line) =>
      (!kind || line.kind === kind) &&
      (!who || line.actor === who) &&
      (!from || line.at.slice(0, 10) >= from) &&
      (!until || line.at.slice(0, 10) <= until) &&
      (!about || searched(line).includes(about)),
  );
  body.replaceChildren(...found.slice(0, limit).map(row));
  find("#lines").hidden = false;
  find("#more").hidden = found.length <= limit;
  find("#shown").textContent =
    found.length === lines.length
      ? tn("{count} decision", "{count} decisions", lines.length)
      : tn("{found} of {count} decision", "{found} of {count} decisions", lines.length, { found: number(found.length) });
}

const searched = (line) =>
  `${line.subject} ${line.actor} ${line.reason} ${JSON.stringify(line.detail)}`.toLowerCase();

function row(line) {
  const detail = Object.keys(line.detail).length
    ? make("details", {}, make("summary", {}, t("detail")), make("pre", {}, JSON.stringify(line.detail, null, 2)))
    : null;
  return make(
    "tr",
    {},
    make("td", {}, make("time", { datetime: line.at, title: line.at }, dateAndTime(line.at))),
    make("td", {}, line.actor),
    make("th", { scope: "row" }, word("decision", line.kind)),
    make("td", {}, make("span", { class: "subject" }, line.subject), said(line), detail),
    make("td", { dir: "auto" }, line.reason || line.detail.refusal || ""),
    make(
      "td",
      { class: "muted" },
      `${word("source", line.source)} ${line.sequence} `,
      make("code", { class: "digest", title: line.hash }, line.hash.slice(0, 8)),
    ),
  );
}

/** What a review or an adjudication answered, without a click. */
function said({ detail }) {
  return detail.answer ? make("span", {}, " → ", make("b", {}, detail.answer.replace(/^label:/, ""))) : null;
}

async function verify() {
  const button = find("#verify");
  const report = find("#report");
  button.disabled = true;
  report.hidden = false;
  report.className = "report notice";
  report.replaceChildren(make("p", {}, t("Replaying every history and comparing…")));
  try {
    const found = await post(`${here}/verification`, {}, SLOW);
    report.className = `report notice ${found.verified ? "good" : "bad"}`;
    report.replaceChildren(...reported(found));
  } catch (error) {
    report.className = "report notice bad";
    report.replaceChildren(make("p", {}, error.sentence));
  }
  button.disabled = false;
}

function reported(found) {
  const counts = t("{histories} histories with {events} events ({source}), {decisions} decisions", {
    histories: number(found.histories),
    events: number(found.events),
    source: word("source", found.source),
    decisions: number(found.decisions),
  });
  const differences = found.findings.length;
  return [
    make("h2", {}, found.verified ? t("✓ Verified: nothing differs") : tn("✗ Not verified: {count} difference", "✗ Not verified: {count} differences", differences)),
    make("p", {}, counts),
    make("p", {}, `${t("Ledger head, recomputed:")} `, make("code", { class: "digest" }, found.ledger_head)),
    ...found.findings.map((finding) =>
      make("p", { class: "finding" }, make("b", {}, word("finding", finding.kind)), ` – ${finding.subject}: ${finding.message}`),
    ),
    list(t("Compared"), found.checks),
    list(t("Not compared"), found.notes),
  ].filter(Boolean);
}

function list(title, items) {
  if (!items.length) return null;
  const entries = items.map((item) => make("li", {}, word("check", item)));
  return make("details", {}, make("summary", {}, `${title}: ${number(items.length)}`), make("ul", {}, ...entries));
}

find("#filters").addEventListener("submit", (event) => event.preventDefault());
find("#filters").addEventListener("input", () => {
  limit = AT_ONCE;
  const asked = FILTERS.map((name) => [name, find(`#${name}`).value.trim()]).filter(([, value]) => value);
  history.replaceState(null, "", asked.length ? `?${new URLSearchParams(asked)}` : location.pathname);
  show();
});
find("#more").addEventListener("click", () => {
  limit += AT_ONCE;
  show();
});
find("#verify").addEventListener("click", verify);
load();
