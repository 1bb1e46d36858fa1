// A run as it goes: figures, prompts, what was rejected, and rows as they come, each with all that was said of it.
import { count, dollars, duration, el, fetchJson, fill, number, sentence as sentenceOf, specUrl } from "/static/studio.js";

const at = (id) => document.getElementById(id);
const MOST = 120; // rows in the page
const STATES = {
  asked: ["busy", "asked"], rejected: ["warn", "rejected"], ready: ["busy", "waits for its turn"], kept: ["good", "kept"],
  missing: ["bad", "missing"], dropped: ["", "dropped"], empty: ["", "no rows below"],
};
const RUN_STATES = { running: ["busy", "Running"], paused: ["warn", "Paused"], stopping: ["warn", "Stopping"], ended: ["", "Ended"] };
const OUTCOMES = {
  complete: ["good", "Complete"], incomplete: ["warn", "Incomplete"], "gate failed": ["bad", "A gate failed"], interrupted: ["warn", "Stopped"],
  error: ["bad", "Could not go on"], lost: ["bad", "Ended without a word"], ended: ["", "Ended"],
};

export class RunView {
  constructor() {
    this.begin();
    for (const button of document.querySelectorAll("[data-filter]")) button.addEventListener("click", () => this.choose(button.dataset.filter));
  }

  begin() {
    this.run = null;
    this.figures = null;
    this.rows = new Map(); // path -> {row, item}
    this.filter = this.filter || "";
    fill(at("rows-list"));
    fill(at("outcome"));
  }

  /** Say that the stream broke, or is there again; and what to do. */
  async lost(lost, spec) {
    const open = lost && this.run && this.run.state !== "ended";
    at("run").classList.toggle("lost", Boolean(open));
    this.broken = open;
    if (!open) {
      at("lost").hidden = true;
      return;
    }
    at("state").className = "chip warn";
    at("state").textContent = "Connection lost";
    let why = ["The connection to the studio broke", "it is tried again by itself"];
    try {
      await fetchJson(specUrl(spec, "", "/api/state/"));
    } catch (error) {
      why = [error.message, error.help];
    }
    if (!this.broken) return;
    at("lost").hidden = false;
    fill(at("lost"), el("p", {}, sentenceOf(`${why[0]}. The run goes on without this page`)), el("p", { class: "soft small" }, sentenceOf(why[1])));
  }

  take(data, whole) {
    if (whole) {
      this.rows.clear();
      fill(at("rows-list"));
    }
    this.run = data.run;
    if (data.figures) this.figures = data.figures;
    at("run").hidden = false;
    this.head();
    if (this.figures) {
      this.showFigures();
      this.prompts();
      this.rules();
    }
    for (const row of data.rows || []) this.row(row);
    this.trim();
  }

  head() {
    const { run, figures: f } = this;
    const preview = run.kind === "preview";
    at("run-title").textContent = preview ? "Preview" : "Build";
    const [look, word] = run.outcome ? OUTCOMES[run.outcome.outcome] || OUTCOMES.ended : RUN_STATES[run.state];
    at("state").className = `chip ${look}`;
    at("state").textContent = run.pausing && run.state === "running" ? "Pausing: calls in flight end" : word;
    const alive = run.state !== "ended";
    at("pause").hidden = !alive || preview || run.state === "stopping";
    at("pause").textContent = run.state === "paused" || run.pausing ? "Go on" : "Pause";
    at("stop").hidden = !alive;
    at("stop").textContent = run.state === "stopping" ? "Stop at once" : "Stop";
    const planned = (f && f.planned) ?? run.rows;
    const done = f ? f.kept + f.missing : 0;
    const bar = at("progress");
    bar.hidden = !alive && run.outcome?.outcome === "error";
    if (planned) {
      bar.max = planned;
      bar.value = done;
    } else bar.removeAttribute("value");
    at("sentence").textContent = alive && !f?.prompts.length && !done ? "Starting: the spec is read and planned …" : sentence(run, f, planned);
    fill(at("outcome"), outcome(run, f));
  }

  showFigures() {
    const f = this.figures;
    const list = [
      ["Rows kept", number(f.kept) + (f.planned ? ` of ${number(f.planned)}` : "")],
      f.missing && ["Missing", number(f.missing)],
      f.dropped && ["Dropped by the spec", number(f.dropped)],
      ["Rejected and retried", number(f.rejected)],
      this.run.state !== "ended" && ["Calls in flight", number(f.in_flight)],
      ["Spent in this run", dollars(f.run_cost)],
      f.spent !== null && f.spent > 0 && ["Spent on this dataset", dollars(f.spent) + (this.run.budget ? ` of ${dollars(this.run.budget)}` : "")],
      ["Time", duration(f.seconds)],
    ].filter(Boolean);
    fill(at("figures"), list.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { class: "num" }, value))));
  }

  prompts() {
    const rows = this.figures.prompts.map((p) => el("tr", {}, el("th", { scope: "row" }, p.name, el("span", { class: "soft under" }, p.backend || "")),
      el("td", { class: "num" }, number(p.made)), el("td", { class: "num" }, number(p.cached)), el("td", { class: "num" }, number(p.retries)),
      el("td", { class: "num" }, number(p.failed)), el("td", { class: "num" }, p.made ? dollars(p.cost) : "–")));
    const heads = [["Prompt", ""], ["Calls", "num"], ["Cached", "num"], ["Retries", "num"], ["Failed", "num"], ["Cost", "num"]];
    fill(at("prompts"), el("thead", {}, el("tr", {}, heads.map(([h, c]) => el("th", { scope: "col", class: c }, h)))), el("tbody", {}, rows));
  }

  rules() {
    const rules = this.figures.rules;
    at("rules-box").hidden = !rules.length;
    const open = new Set([...at("rules").querySelectorAll("details[open]")].map((d) => d.dataset.rule));
    fill(at("rules"), rules.slice(0, 6).map((r) => el("li", {}, el("details", { data: { rule: r.rule }, open: open.has(r.rule) },
      el("summary", {}, el("span", { class: "num times" }, `${number(r.count)} ×`), ` ${r.reason || r.rule}`),
      el("p", { class: "soft small" }, `${r.rule}${r.field ? `, field ${r.field}` : ""}; last in row ${r.path}`),
      r.text && el("pre", { class: "said" }, r.text)))));
  }

  row(row) {
    let known = this.rows.get(row.path);
    if (row.state === "fanned") {
      known?.item.remove();
      this.rows.delete(row.path);
      return;
    }
    if (!known) {
      const body = el("div", { class: "row-body" });
      const summary = el("summary", {});
      const details = el("details", {}, summary, body);
      const item = el("li", { data: { path: row.path } }, details);
      known = { item, summary, body, details };
      this.rows.set(row.path, known);
      details.addEventListener("toggle", () => details.open && fill(body, rowBody(known.row)));
      at("rows-list").prepend(item);
    }
    known.row = row;
    fill(known.summary, rowSummary(row));
    if (known.details.open) fill(known.body, rowBody(row));
    known.item.hidden = !this.shows(row);
  }

  shows(row) {
    const retried = row.attempts.some((a) => a.rejections?.length);
    return { "": true, kept: row.state === "kept", open: ["asked", "rejected", "ready"].includes(row.state), retried, missing: ["missing", "dropped"].includes(row.state) }[this.filter];
  }

  choose(filter) {
    this.filter = filter;
    for (const button of document.querySelectorAll("[data-filter]")) button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
    for (const { row, item } of this.rows.values()) item.hidden = !this.shows(row);
  }

  trim() {
    const list = at("rows-list");
    for (let last = list.lastElementChild; this.rows.size > MOST && last; ) {
      const before = last.previousElementSibling;
      if (!last.querySelector("details[open]")) {
        this.rows.delete(last.dataset.path);
        last.remove();
      }
      last = before;
    }
    const f = this.figures;
    const all = f ? f.kept + f.missing + f.dropped : 0;
    const more = at("rows-more");
    more.hidden = all <= this.rows.size;
    const table = document.querySelector('.tabs a[href$="/rows"]');
    fill(more, `The last ${number(this.rows.size)} rows of ${number(all)}. `, table && el("a", { href: table.href }, "All rows"));
  }
}

function sentence(run, f, planned) {
  const parts = [];
  if (f.stored) parts.push(`${number(f.stored)} of the first calls were made before and cost nothing`);
  if (f.batches.length) parts.push(`${count(f.batches.length, "batch", "batches")} at the provider`);
  const faults = Object.entries(f.faults).map(([kind, n]) => `${number(n)} × ${kind}`);
  if (faults.length) parts.push(`calls that failed: ${faults.join(", ")}`);
  if (run.state === "running" && planned && f.kept + f.missing > 4 && f.seconds > 3) {
    const left = ((planned - f.kept - f.missing) * f.seconds) / (f.kept + f.missing);
    if (left > 1) parts.push(`about ${duration(left)} left`);
  }
  return parts.join(" · ");
}

function outcome(run, f) {
  if (!run.outcome) return run.state === "stopping" && f?.stopping ? el("p", { class: "soft" }, `No further call is sent: ${f.stopping}.`) : [];
  const { outcome: how, said } = run.outcome;
  const summary = f?.ended?.summary;
  const error = summary?.error;
  if (how === "error" || how === "lost") {
    return el("div", { class: "said-box bad" }, el("p", {}, error ? `${error.message}.` : how === "lost" ? "The process ended without a word; what it made is kept. Build again to resume." : "The command could not go on."),
      error?.help && el("p", {}, error.help), !error && said && el("pre", { class: "small" }, said));
  }
  const links = ["rows", "review", "report"].map((page) => document.querySelector(`.tabs a[href$="/${page}"]`)).filter(Boolean);
  if (run.kind === "preview") return f?.missing ? el("p", {}, "Some rows could not be had: open them below to see why, correct the spec, and preview again.") : [];
  if (how === "interrupted") return el("p", {}, "It was stopped. Everything made so far is kept: build again to resume.");
  const left = run.outcome?.in_dataset ?? summary?.rows.kept;
  const taken = summary ? summary.rows.kept - left : 0;
  const done = summary ? `${count(left, "row")} in ${summary.folder}${taken > 0 ? `; reviews took out ${number(taken)}` : ""}` : "";
  const why = summary?.reason ? ` It ended early: ${summary.reason}.` : "";
  const gates = (summary?.gates || []).filter((g) => g.passed === false);
  return el("div", { class: `said-box ${how === "complete" ? "good" : "warn"}` }, el("p", {}, `${done}.${why}`),
    gates.map((g) => el("p", { class: "bad" }, `Gate ${g.gate}: ${(g.failures || []).join("; ")}`)),
    links.length ? el("p", { class: "row" }, links.map((a) => el("a", { class: "button", href: a.href }, a.textContent))) : null);
}

const plain = (value) => (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

function rowSummary(row) {
  const retries = row.attempts.filter((a) => a.rejections?.length).length;
  const [look, word] = row.state === "asked" && retries ? ["warn", "retried"] : STATES[row.state] || ["", row.state];
  const texts = row.values ? Object.values(row.values).map(plain) : [];
  const longest = texts.reduce((a, b) => (b.length > a.length ? b : a), "");
  const last = row.attempts.at(-1);
  const lost = ["missing", "dropped"].includes(row.state);
  const text = (lost && row.reasons[0]) || longest || last?.text || "";
  return [el("span", { class: "num path" }, row.path), el("span", { class: `chip ${look}` }, word), retries ? el("span", { class: "soft small" }, `${count(retries, "rejection")}`) : null, el("span", { class: "text" }, text.slice(0, 240))];
}

function rowBody(row) {
  const parts = [];
  if (row.reasons.length) parts.push(el("div", { class: "said-box bad" }, row.reasons.map((r) => el("p", {}, r))));
  if (row.values) parts.push(el("dl", { class: "values" }, Object.entries(row.values).map(([name, value]) => [el("dt", {}, name), el("dd", {}, plain(value))])));
  const attempts = [...row.above, ...row.attempts];
  if (attempts.length) {
    const earlier = row.earlier ? el("li", { class: "soft small" }, `${count(row.earlier, "earlier completion")} not shown`) : null;
    parts.push(el("h4", {}, "How it came about"), el("ol", { class: "attempts" }, earlier, attempts.map((a) => el("li", {},
      el("p", { class: "soft small" }, [a.prompt || "reply", a.attempt && `attempt ${a.attempt}`, a.cached && "made before", a.finish && a.finish !== "stop" && a.finish].filter(Boolean).join(", ")),
      a.text && el("pre", { class: "said" }, a.text),
      a.rejections?.length ? el("div", { class: "said-box warn" }, el("p", { class: "small soft" }, "Rejected, and told to the model:"), a.rejections.map((r) => el("p", {}, r.reason || r.rule))) : null))));
  } else if (!row.values) parts.push(el("p", { class: "soft" }, "No completion yet."));
  else parts.push(el("p", { class: "soft small" }, "Made earlier: how it came about is among the rows of the dataset."));
  return parts;
}
