// The page of all specs: each says how it stands, as soon as that is known.
import { ago, count, dollars, el, fetchJson, fill, number, specUrl } from "/static/studio.js";

const EVERY = 2000; // milliseconds between two looks at what runs
const shown = new WeakMap(); // what each was told last
const WORDS = { running: "running", paused: "paused", stopping: "stopping" };

function show(item, s) {
  const said = JSON.stringify(s);
  if (shown.get(item) === said) return; // what a person is about to press stays where it is
  shown.set(item, said);
  const chips = [];
  if (s.running) chips.push(el("a", { class: "chip busy", href: `${specUrl(s.path, "run")}?run=${s.running.id}` }, `${s.running.kind === "build" ? "Build" : "Preview"} ${WORDS[s.running.state] || ""}: ${number(s.running.kept)}${s.running.rows ? ` of ${number(s.running.rows)}` : ""}`));
  if (s.errors) chips.push(el("span", { class: "chip bad" }, count(s.errors, "error")));
  if (s.warnings) chips.push(el("span", { class: "chip warn" }, count(s.warnings, "warning")));
  if (s.library) chips.push(el("span", { class: "chip" }, "to be extended"));
  const facts = [];
  if (s.built) {
    facts.push(`${number(s.built.rows)} rows built`);
    if (s.built.missing) facts.push(`${number(s.built.missing)} missing`);
    facts.push(s.built.cost === null ? "cost unknown" : s.built.cost === 0 ? "free" : dollars(s.built.cost));
    if (s.built.created) facts.push(ago(Date.parse(s.built.created) / 1000));
  } else if (!s.errors && !s.library) facts.push(s.rows ? `${count(s.rows, "row")} to build` : "rows as they come");
  if (s.last_run && !s.built) facts.push(`last run ${ago(s.last_run)}`);
  for (const gate of s.built?.failed_gates || []) chips.push(el("span", { class: "chip bad" }, `gate ${gate} failed`));
  const pages = [["edit", "Edit"], !s.library && ["run", "Run"], s.built && ["rows", "Rows"], s.built && ["review", "Review"], s.built && ["report", "Report"]];
  const there = pages.filter((page) => page && document.body.dataset.pages.split(" ").includes(page[0]));
  const main = there[0] || ["run", "Run"];
  fill(item,
    el("div", { class: "spec-head" }, el("h2", {}, el("a", { href: specUrl(s.path, main[0]) }, s.path)), el("div", { class: "row chips" }, chips)),
    s.description && el("p", { class: "description" }, s.description),
    s.first && el("p", { class: "bad small" }, `${s.first}.`),
    el("div", { class: "row ends foot" }, el("span", { class: "soft small num" }, facts.join(" · ")),
      el("nav", { class: "row pages", "aria-label": `Pages of ${s.path}` }, there.map(([page, title]) => el("a", { href: specUrl(s.path, page) }, title)))));
  item.dataset.busy = s.running ? "yes" : "";
}

const asked = new WeakMap(); // how often each was asked for: an earlier answer is not shown after a later one

async function look(item) {
  const mine = (asked.get(item) ?? 0) + 1;
  asked.set(item, mine);
  try {
    const state = await fetchJson(specUrl(item.dataset.spec, "", "/api/state/"));
    if (asked.get(item) === mine) show(item, state);
  } catch (error) {
    if (error.status === 404) item.remove();
    else if (error.status) fill(item, el("h2", {}, item.dataset.spec), el("p", { class: "bad small" }, `${error.message}.`));
  }
}

const items = () => [...document.querySelectorAll("#specs > [data-spec], details[open] > #parts > [data-spec]")];

async function lookAtAll() {
  const waiting = items();
  await Promise.all([0, 1].map(async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) await look(item);
  }));
}

document.querySelector(".parts")?.addEventListener("toggle", () => lookAtAll());
await lookAtAll();
setInterval(() => {
  if (!document.hidden) for (const item of items()) if (item.dataset.busy) look(item);
}, EVERY);
addEventListener("focus", () => lookAtAll());

