import { confirmed, count, dollars, el, fetchJson, fill, number, tellError } from "./studio.js";
import { madePage, showPaper } from "./paper.js";

const at = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
let pairs = [], result = {}, place = 0, names = {}, busy = false;

const label = (d) => `${d.folder} — ${d.model}, ${d.rows === null ? "rows not known" : count(d.rows, "row")}`;
const both = () => `a=${encodeURIComponent(query.get("a"))}&b=${encodeURIComponent(query.get("b"))}`;
const percent = (share) => `${Math.round(share * 100)}%`;

async function choose() {
  const found = await fetchJson("/api/compare/contenders");
  names = Object.fromEntries(found.datasets.map((d) => [d.folder, `${d.folder} (${d.model})`]));
  for (const [id, index] of [["a", 0], ["b", 1]]) {
    fill(at(id), found.datasets.map((d) => el("option", { value: d.folder }, label(d))));
    at(id).value = query.get(id) && names[query.get(id)] ? query.get(id) : found.datasets[index]?.folder || "";
  }
  at("none").hidden = found.datasets.length > 1;
  at("open").disabled = found.datasets.length < 2;
  if (found.datasets.length < 2) at("spot").open = true;
  const spec = at("spec").value;
  fill(at("spec"), found.specs.map((s) => el("option", { value: s }, s)));
  if (spec) at("spec").value = spec;
  fill(at("backends"), found.backends.map((b) => el("option", { value: b.model ? `${b.name}:${b.model}` : b.name }, b.ready ? b.summary : b.why)));
  at("rows").max = found.most;
}

async function open() {
  if (!query.get("a") || !query.get("b")) return;
  const found = await fetchJson(`/api/compare/pairs?${both()}`);
  pairs = found.pairs;
  at("figures").hidden = false;
  at("voting").hidden = !pairs.length;
  at("outcome").hidden = false;
  warn(found);
  take(found);
  place = Math.max(0, pairs.findIndex((p) => !result.votes[p.path]));
  show();
}

function warn(found) {
  const box = at("warning");
  box.hidden = found.same === true && pairs.length > 0;
  if (found.same === false) box.textContent = found.unlike.length ? `These two have not the same combinations: ${found.unlike.join(", ")} differ. Their figures can be compared, their rows cannot.` : "These two have no parameter in common, so no combinations. Their figures can be compared, their rows cannot.";
  else if (!pairs.length) box.textContent = "There is no combination of which both have a row, and the rows differ.";
  else if (found.same === null) box.textContent = "Whether their combinations are the same is not known: one was built before manifests said so. Build it again; no call is made.";
  if (!pairs.length && !box.hidden) at("sentence").textContent = box.textContent;
}

function values(list, row) {
  fill(list, Object.entries(row).map(([name, text]) => [el("dt", {}, name), el("dd", { dir: "auto" }, text || "(empty)")]));
}

function show() {
  const pair = pairs[place];
  if (!pair) return;
  at("pairhead").textContent = `Pair ${number(place + 1)} of ${number(pairs.length)}`;
  values(at("shared"), pair.shared);
  at("about").hidden = !Object.keys(pair.shared).length;
  values(at("left"), pair.left);
  values(at("right"), pair.right);
  sides();
}

function sides() {
  const pair = pairs[place], voted = Object.keys(result.votes).length;
  const revealed = new Set(result.swapped || []);
  const left = result.revealed ? names[query.get(revealed.has(pair?.path) ? "b" : "a")] : "";
  const right = result.revealed ? names[query.get(revealed.has(pair?.path) ? "a" : "b")] : "";
  at("lefthead").textContent = left ? `Left: ${left}` : "Left";
  at("righthead").textContent = right ? `Right: ${right}` : "Right";
  at("progress").textContent = `${number(voted)} of ${number(pairs.length)} voted`;
  for (const button of document.querySelectorAll(".votes [data-side]")) {
    if (button.dataset.side === "none") button.disabled = !result.votes[pair?.path];
    else button.setAttribute("aria-pressed", String(result.votes[pair?.path] === button.dataset.side));
  }
  at("back").disabled = place === 0;
  at("next").disabled = place >= pairs.length - 1;
}

function take(found) {
  result = found;
  const { tally } = found, voted = Object.keys(found.votes).length;
  at("reveal").hidden = found.revealed || !voted;
  at("scale").toggleAttribute("hidden", !tally || tally.share === null);
  const notes = [];
  if (found.stale) notes.push(`${count(found.stale, "vote")} no longer ${found.stale === 1 ? "counts" : "count"}: the rows were built anew with other texts.`);
  if (found.damaged) notes.push(`${count(found.damaged, "line")} of the log of votes cannot be read.`);
  if (!found.revealed) {
    if (pairs.length) at("sentence").textContent = voted ? `${count(voted, "vote")} so far. What they come to is shown when you ask for it; votes after that are not blind, and are not counted with these.` : "No votes yet.";
  } else if (tally) {
    const a = names[query.get("a")], b = names[query.get("b")], decided = tally.first + tally.second;
    const of = `${number(tally.first)} for ${a}, ${number(tally.second)} for ${b}, ${number(tally.ties)} without a difference`;
    const said = tally.preferred ? `${tally.preferred === "first" ? a : b} is preferred` : decided ? "These votes show no preference" : "No vote decides";
    at("sentence").textContent = `${said}: ${of}.`;
    if (decided) notes.unshift(`${a} has ${percent(tally.share)} of the ${count(decided, "vote")} that decide, and between ${percent(tally.low)} and ${percent(tally.high)} with 95% confidence (Wilson's score interval, 1927). Ties are no vote for either.`);
    if (found.seen) notes.push(`${count(found.seen, "vote")} came after the result was shown, and are not counted.`);
    if (decided) scale(tally, a);
  }
  at("how").textContent = notes.join(" ");
}

function scale(tally, name) {
  const x = (share) => 10 + share * 380;
  const line = (kind, from, to, y1 = 14, y2 = 14) => el("svg:line", { class: kind, x1: from, x2: to, y1, y2 });
  const text = (place, words, anchor) => el("svg:text", { x: place, y: 36, "text-anchor": anchor }, words);
  at("scale").setAttribute("aria-label", `Votes for ${name}: ${percent(tally.share)}, between ${percent(tally.low)} and ${percent(tally.high)}, on a scale from 0 to 100%`);
  fill(at("scale"), line("track", 10, 390), line("half", 200, 200, 2, 26), line("reach", x(tally.low), x(tally.high)), el("svg:circle", { cx: x(tally.share), cy: 14, r: 6 }), text(10, "0%", "start"), text(200, "50%", "middle"), text(390, "100%", "end"));
}

async function vote(side) {
  const pair = pairs[place];
  if (!pair || busy || (side === "none" && !result.votes[pair.path])) return;
  busy = true;
  try {
    const found = await fetchJson(`/api/compare/vote?${both()}`, { body: { path: pair.path, digest: pair.digest, side } });
    take(found);
    if (side !== "none") go(nextOpen()); else sides();
  } catch (error) {
    tellError(error);
  } finally {
    busy = false;
  }
}

function nextOpen() { // the next pair without a vote, after this one or from the start
  const open_ = (from, to) => pairs.slice(from, to).findIndex((p) => !result.votes[p.path]);
  const after = open_(place + 1), before = open_(0, place);
  return after >= 0 ? place + 1 + after : before >= 0 ? before : Math.min(place + 1, pairs.length - 1);
}

function go(to) {
  place = Math.min(Math.max(to, 0), pairs.length - 1);
  show();
  if (at("voting").getBoundingClientRect().top < 0) at("pairhead").scrollIntoView();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog") || at("voting").hidden) return;
  const act = { 1: () => vote("left"), 2: () => vote("right"), 0: () => vote("tie"), u: () => vote("none"), b: () => go(place - 1), s: () => go(place + 1) }[event.key];
  if (act) { event.preventDefault(); act(); }
});
for (const button of document.querySelectorAll(".votes [data-side]")) button.addEventListener("click", () => vote(button.dataset.side));
at("back").addEventListener("click", () => go(place - 1));
at("next").addEventListener("click", () => go(place + 1));

at("reveal").addEventListener("click", async () => {
  const sure = await confirmed("Show the result?", "You will see which is which. Votes after that are not blind, and are not counted.", { yes: "Show it" });
  if (!sure) return;
  try {
    take(await fetchJson(`/api/compare/reveal?${both()}`, { body: {} }));
    sides();
  } catch (error) {
    tellError(error);
  }
});

at("open").addEventListener("click", () => {
  const chosen = new URLSearchParams({ a: at("a").value, b: at("b").value });
  location.search = chosen.toString();
});

at("measure").addEventListener("click", async () => {
  at("measure").disabled = true;
  try {
    const found = await madePage(`/api/compare/figures?${both()}`, (state) => { at("figstate").textContent = { making: "Measuring both …", failed: `The comparison could not be made. ${state.message || ""}` }[state.state] || ""; }, { again: true });
    if (found.state === "ready") { at("measure").hidden = true; showPaper(at("paper"), `/compare/page?key=${found.key}`); }
  } catch (error) {
    tellError(error);
  }
  at("measure").disabled = false;
});

// A few rows on two backends, within a cost that is said before the button.
const asked = () => ({ spec: at("spec").value, first: at("first").value.trim(), second: at("second").value.trim(), rows: at("rows").value });
let typing = 0, offered = null, wanted = 0;
async function priced() {
  const now = ++wanted;
  offered = null;
  at("go").disabled = true;
  if (!asked().spec || !asked().first || !asked().second) { at("cost").textContent = ""; return; }
  at("cost").textContent = "Looking at the cost …";
  try {
    const found = await fetchJson(`/api/compare/cost?${new URLSearchParams(asked())}`);
    if (now !== wanted) return;
    offered = found;
    at("money").hidden = found.free;
    at("go").disabled = Boolean(found.problem);
    at("go").textContent = `Build ${count(found.rows, "row")} on each`;
    const price = found.free ? "It costs nothing." : found.expected === null ? "What it will cost is not known: the price of a model is not. Neither spends more than its budget." : `About ${dollars(found.expected)} in all, ${found.worst === null ? "no upper bound is known" : `at most ${dollars(found.worst)}`}, and never more than the budget for each.`;
    const calls = found.calls === null ? "The number of calls is not known." : `About ${count(Math.ceil(found.calls), "call")}.`;
    at("cost").textContent = found.problem ? `${found.problem}. ${found.help}` : `${calls} ${price} Completions are kept and never paid for twice.`;
  } catch (error) {
    if (now === wanted) at("cost").textContent = `${error.message}. ${error.help || ""}`;
  }
}
at("build").addEventListener("input", (event) => { if (event.target.id !== "budget") { clearTimeout(typing); typing = setTimeout(priced, 350); } });
at("build").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!offered || offered.problem) return;
  at("go").disabled = true;
  try {
    const body = { ...asked(), budget: Number(at("budget").value), attempt: crypto.randomUUID() };
    let state = await fetchJson("/api/compare/build", { body });
    const { key, folders } = state;
    while (state.state === "making") {
      at("cost").textContent = "Building both. You can stay here or come back later.";
      await new Promise((done) => setTimeout(done, 700));
      state = await fetchJson(`/api/compare/built?key=${key}`);
    }
    if (state.state !== "ready") throw Object.assign(new Error(state.message || "the build did not end"), { help: "" });
    await choose();
    const [a, b] = folders.map((f) => (names[f] ? f : `${f}/incomplete`));
    location.search = new URLSearchParams({ a, b }).toString();
  } catch (error) {
    at("cost").textContent = error.message;
    at("go").disabled = false;
  }
});

document.addEventListener("visibilitychange", async () => { // another tab may have voted
  if (document.hidden || !pairs.length) return;
  const before = result;
  try {
    const found = await fetchJson(`/api/compare/pairs?${both()}`);
    if (busy || result !== before) return; // a vote was given meanwhile
    const here = pairs[place]?.path;
    pairs = found.pairs;
    take(found);
    go(Math.max(0, pairs.findIndex((p) => p.path === here)));
  } catch (error) {
    tellError(error);
  }
});

at("go").disabled = true;
try {
  await choose();
  await open();
} catch (error) {
  tellError(error);
}
