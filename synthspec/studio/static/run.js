// What is to be run, what it will cost, and who is asked before. The run itself is shown by run_view.js.
import { ago, confirmed, count, dollars, el, events, fetchJson, fill, number, openDialog, sentence, specUrl, tellError } from "/static/studio.js";
import { RunView } from "/static/run_view.js";

const spec = document.body.dataset.spec;
const at = (id) => document.getElementById(id);
const form = { backend: at("backend"), other: at("other"), rows: at("rows"), few: at("few"), budget: at("budget") };
const view = new RunView();
let plan = null; // what the studio said last of what is chosen
let offered = false; // whether the models to choose from are there
let asking = 0; // questions about the plan, so that an old answer is not shown
let running = null; // the run that works on this dataset now
let close = () => {}; // ends the stream that is shown
let shown = null;

const MOST = Number(form.few.max);
const few = () => Math.min(Math.max(1, Math.round(Number(form.few.value)) || 3), MOST, plan?.rows || MOST);
const chosen = () => ({
  backend: form.backend.value === "other" ? form.other.value.trim() : form.backend.value,
  rows: form.rows.value ? Number(form.rows.value) : null,
  budget: form.budget.value ? Number(form.budget.value) : null,
});

// --- what it will be

async function askPlan() {
  const mine = ++asking;
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(chosen())) if (value !== null && value !== "") query.set(key, value);
  query.set("few", few());
  try {
    const found = await fetchJson(`${specUrl(spec, "", "/api/run/plan/")}?${query}`);
    if (mine !== asking) return;
    plan = found;
    const first = !offered;
    showRuns(plan.runs);
    if (first) pickRun();
    if (first && offerModels()) return askPlan();
    showPlan();
  } catch (error) {
    if (mine !== asking) return;
    plan = null;
    buttons();
    fill(at("told"), el("div", { class: "said-box bad" }, el("p", {}, `${error.message}.`), error.help && el("p", { class: "soft" }, error.help)));
  }
}

/** The models to choose from. True where the spec's own cannot run here and the embedded one was chosen instead. */
function offerModels() {
  offered = true;
  const own = plan.backends || [];
  const options = [el("option", { value: "" }, own.length ? `As the spec says: ${own.map((b) => b.name).join(", ")}` : "As the spec says")];
  for (const each of plan.choices) {
    if (own.length === 1 && own[0].name === each.name) continue;
    if (each.name === "ngram") options.push(el("option", { value: "ngram" }, "The embedded model: free, at once, simple texts"));
    else if (each.ready && each.model) options.push(el("option", { value: `${each.name}:${each.model}` }, `${each.name}:${each.model}`));
  }
  options.push(el("option", { value: "other" }, "Another …"));
  fill(form.backend, options);
  const unready = own.find((b) => !b.ready);
  if (!unready || own.some((b) => b.name === "ngram")) return false;
  form.backend.value = "ngram";
  return true;
}

function showPlan() {
  if (!form.rows.value) form.rows.placeholder = plan.rows ? number(plan.rows) : "open";
  if (!form.budget.value) form.budget.placeholder = plan.budget ? String(plan.budget) : "none";
  const told = [];
  for (const each of plan.diagnostics || []) {
    if (each.severity !== "error" && told.length >= 2) continue;
    const trust = each.code === "E820";
    if (trust) continue;
    told.push(el("div", { class: `said-box ${each.severity === "error" ? "bad" : "warn"}` },
      el("p", {}, el("strong", {}, each.code), ` line ${each.line}: ${each.message}`), each.help && el("p", { class: "soft small" }, each.help)));
  }
  const own = (plan.backends || []).filter((b) => !b.ready);
  if (own.length) told.push(el("div", { class: "said-box warn" }, el("p", {}, `${own.map((b) => `${b.name} cannot be used here: ${b.why}`).join("; ")}.`)));
  if (!form.backend.value && own.length === 0 && plan.backends?.some((b) => b.name === "ngram")) told.push(el("p", { class: "soft" }, "The embedded model shows how the dataset will look; its texts are pieced together. For texts to train on, choose a real model."));
  if (plan.taken) told.push(el("div", { class: "said-box bad" }, el("p", {}, sentence(plan.taken.error)), el("p", { class: "soft small" }, sentence(plan.taken.help))));
  if (plan.standing?.by_another) told.push(el("div", { class: "said-box warn" }, el("p", {}, `The dataset that is there, ${count(plan.standing.rows, "row")}, was made by ${plan.standing.by}. A complete build takes its place.`)));
  fill(at("told"), cost(), told);
  buttons();
}

function cost() {
  const e = plan.estimate;
  if (!plan.ok) return [];
  const stored = plan.standing?.stored;
  if (stored) return el("p", { class: "cost" }, `No call: ${stored === 1 ? "its completion is" : `all ${number(stored)} completions are`} stored.`);
  if (!e) return el("p", { class: "cost" }, "The cost is unknown until its code has run.");
  const free = e.expected.cost === 0 && e.worst.cost === 0;
  const calls = count(e.expected.calls, "call");
  if (free) return el("p", { class: "cost" }, `${calls}, free of charge.`);
  if (e.expected.cost === null) return el("p", { class: "cost" }, `${calls}; cost unknown: no price is known for ${unpriced(e)}. `, el("span", { class: "soft" }, "Name prices in the spec to limit what is spent."));
  const limit = plan.budget !== null && plan.budget !== undefined;
  return el("p", { class: "cost" }, `${calls}, about ${dollars(e.expected.cost)}. `,
    el("span", { class: "soft" }, limit ? `The budget is ${dollars(plan.budget)}: more is never spent.` : `At worst, with every retry, ${e.worst.cost === null ? (e.unbounded.length ? "no bound is known" : "unknown") : dollars(e.worst.cost)}; a budget limits that.`));
}

const unpriced = (e) => [...new Set(e.prompts.filter((p) => p.cost === null).map((p) => p.backend))].join(", ") || "this model";

function buttons() {
  const can = plan?.ok && !running;
  at("preview").disabled = !can;
  at("build").disabled = !can || Boolean(plan?.taken);
  const some = plan?.rows ? ` ${count(plan.rows, "row")}` : "";
  at("build").textContent = plan?.standing && plan.rows && plan.standing.rows === plan.rows ? `Build again` : `Build${some}`;
  const price = plan?.preview?.expected.cost;
  at("preview").textContent = `Preview ${count(few(), "row")}${price ? `, ${dollars(price)}` : ""}`;
}

// --- starting

async function start(kind, agreed = []) {
  at("build").disabled = at("preview").disabled = true;
  try {
    const body = { kind, ...chosen(), agreed };
    if (kind === "preview") body.rows = few();
    const made = await fetchJson(specUrl(spec, "", "/api/run/start/"), { body });
    watch(made.id, { focus: true });
  } catch (error) {
    if (error.status === 409 && error.body?.asks) {
      const consent = await agree(error.body.asks);
      if (consent) return start(kind, [...agreed, ...consent]);
    } else if (error.status === 409 && error.body?.run) {
      watch(error.body.run);
      tellError(error);
    } else tellError(error);
    buttons();
  }
}

/** Ask whether each may be done; what runs is shown. The names of what was agreed to, or null. */
function agree(asks) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "large", "aria-labelledby": "agree-title" },
      el("h2", { id: "agree-title" }, asks.length === 1 ? `${asks[0].title}?` : "Before this runs"),
      asks.map((ask) => el("div", { class: "ask" }, asks.length > 1 && el("h3", {}, ask.title), el("p", {}, ask.text),
        ask.shown.map((file) => el("details", {}, el("summary", {}, file.name), el("pre", { class: "code", tabindex: "0" }, file.text))))),
      el("form", { method: "dialog", class: "buttons" }, el("button", { value: "no", autofocus: true }, "Cancel"), el("button", { value: "yes", class: "primary" }, "I have looked at it: run it")));
    dialog.addEventListener("close", () => { resolve(dialog.returnValue === "yes" ? asks.map((a) => a.id) : null); dialog.remove(); });
    document.body.append(dialog);
    openDialog(dialog);
  });
}

// --- watching

function watch(id, { focus = false } = {}) {
  close();
  shown = id;
  view.begin();
  const address = new URL(location);
  address.searchParams.set("run", id);
  history.replaceState(null, "", address);
  const take = (whole) => (data) => {
    view.take(data, whole);
    const now = data.run;
    const busy = now.state !== "ended";
    if (busy !== Boolean(running) || (busy && running.state !== now.state)) {
      running = busy ? now : null;
      buttons();
    }
  };
  close = events(`/api/run/${id}/events`, {
    snapshot: take(true),
    frame: take(false),
    over: (data) => {
      close();
      running = null;
      view.take(data, false);
      askPlan();
    },
  }, (lost) => view.lost(lost, spec));
  if (focus) at("run").scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  markShown();
}

function pickRun() {
  const wanted = new URL(location).searchParams.get("run");
  const runs = plan.runs;
  const found = runs.find((r) => r.id === wanted) || runs.find((r) => r.state !== "ended") || runs[0];
  if (found) watch(found.id);
}

function showRuns(runs) {
  running = runs.find((r) => r.state !== "ended") || null;
  at("earlier-box").hidden = runs.length < 2;
  fill(at("earlier"), runs.map((r) => el("li", {}, el("button", { type: "button", class: "quiet", data: { run: r.id }, on: { click: () => watch(r.id, { focus: true }) } },
    el("span", {}, `${r.kind === "build" ? "Build" : "Preview"}${r.rows ? ` of ${count(r.rows, "row")}` : ""}`),
    el("span", { class: "soft" }, r.backend || "the spec's model"),
    el("span", { class: "soft" }, r.outcome ? r.outcome.outcome : r.state),
    el("span", { class: "soft" }, ago(r.begun))))));
  buttons();
  markShown();
}

function markShown() {
  for (const button of at("earlier").querySelectorAll("[data-run]")) button.setAttribute("aria-current", String(button.dataset.run === shown));
}

async function control(what) {
  try {
    if (what === "stop") {
      const again = view.run?.state === "stopping";
      const text = again ? "Calls in flight are dropped, though they are paid for." : "Calls in flight are waited for; everything made so far is kept, and a later build goes on from there.";
      if (!(await confirmed(again ? "Stop at once?" : "Stop this run?", text, { yes: again ? "Stop at once" : "Stop", danger: true }))) return;
      await fetchJson(`/api/run/${shown}/stop`, { body: {} });
    } else {
      const held = !(view.run?.state === "paused" || view.run?.pausing);
      await fetchJson(`/api/run/${shown}/pause`, { body: { held } });
    }
  } catch (error) {
    tellError(error);
  }
}

let later;
const soon = () => { clearTimeout(later); later = setTimeout(() => askPlan(), 250); };
form.backend.addEventListener("change", () => {
  at("other-label").hidden = form.backend.value !== "other";
  if (form.backend.value === "other") form.other.focus();
  else askPlan();
});
for (const input of [form.other, form.rows, form.few, form.budget]) input.addEventListener("input", soon);
at("order").addEventListener("submit", (event) => event.preventDefault());
at("preview").addEventListener("click", () => start("preview"));
at("build").addEventListener("click", () => start("build"));
at("pause").addEventListener("click", () => control("pause"));
at("stop").addEventListener("click", () => control("stop"));
addEventListener("pageshow", (event) => event.persisted && location.reload());
askPlan();
