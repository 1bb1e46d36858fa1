// Review row by row, with the keyboard alone: a verdict goes on to the next row, and can be taken back.
import { chips, history, values } from "/static/row_story.js";
import { confirmed, count, el, fetchJson, fill, notify, number, openDialog, refused, sentence, specUrl, tellError } from "/static/studio.js";

const spec = document.body.dataset.spec;
const at = (id) => document.getElementById(id);
const api = (name) => specUrl(spec, "", `/api/${name}/`);
const whole = new URLSearchParams(location.search);

let progress = null;
let row = null; // the one that is looked at
let editing = false;
let busy = false;
let path = whole.get("row") || "";
const been = []; // rows that were looked at before, the last at its end

try {
  at("who").value = localStorage.getItem("reviewer") || "";
} catch {
  // a browser that stores nothing
}
at("queue").value = whole.has("mark") ? whole.get("mark") : "none";

const reviewer = () => at("who").value.trim();

/** Ask until the rows are indexed. */
async function ask(address) {
  for (;;) {
    const answer = await fetchJson(address);
    if (!answer.error) return answer;
    at("progress").textContent = `Indexing the rows, once for this build: ${Math.round(answer.share * 100)} %`;
    await new Promise((done) => setTimeout(done, 400));
  }
}

async function readProgress() {
  progress = await fetchJson(api("review"));
  const done = progress.rows ? progress.reviewed / progress.rows : 0;
  at("share").value = done;
  const verbs = { accept: "accepted", edit: "edited", reject: "rejected", retry: "to be retried" };
  const said = Object.entries(progress.verbs).map(([verb, n]) => `${number(n)} ${verbs[verb]}`);
  const beside = [progress.flagged && `${number(progress.flagged)} flagged`, progress.noted && `${number(progress.noted)} with a note`].filter(Boolean);
  at("progress").textContent = `${number(progress.reviewed)} of ${count(progress.rows, "row")} reviewed${said.length ? `: ${said.join(", ")}` : ""}${beside.length ? `; ${beside.join(", ")}` : ""}`;
  after();
}

function agreement(one) {
  const who = one.reviewers.join(" and ");
  if (!one.rows) return el("li", {}, `${who}: no row was judged by both, so their agreement is undefined.`);
  const kappa = one.kappa === null ? "undefined, for each gave one verdict alone" : one.kappa.toFixed(2);
  return el("li", {}, `${who} agree on ${number(one.agreed)} of ${count(one.rows, "row")} (${Math.round(one.share * 100)} %); Cohen's kappa `, el("strong", {}, kappa), ".");
}

const links = (paths) => paths.slice(0, 12).map((p, n) => [n ? ", " : "", el("a", { href: `?row=${encodeURIComponent(p)}&mark=` }, p)]);

function after() {
  const two = Object.keys(progress.reviewers).length > 1;
  fill(at("after"),
    two && el("section", {}, el("h2", {}, "Reviewers"), el("ul", {}, progress.agreements.map(agreement)), progress.disputed.length > 0 && el("p", {}, "They differ on row ", links(progress.disputed), ".")),
    progress.stale.length > 0 && el("section", {}, el("h2", {}, "Stale"), el("p", { class: "soft" }, `${count(progress.stale.length, "review is", "reviews are")} of rows that are others now. They are kept and do nothing.`)),
    progress.waiting.length > 0 && el("section", {}, el("h2", {}, "To be retried"), el("p", {}, "The next run retries row ", links(progress.waiting), ".")),
    el("section", {}, el("h2", {}, "The dataset"),
      el("p", { class: "soft" }, progress.applied ? "Its files are as the reviews have it." : "Its files are not as the reviews have it yet. The next run does that, and so does this, without a call:"),
      el("div", { class: "row" }, el("button", { type: "button", id: "apply", disabled: progress.applied || progress.waiting.length > 0, on: { click: apply } }, "Apply the reviews"),
        el("a", { class: "button", id: "export", href: `${api("review-export")}?form=csv&all=1`, download: true }, "Export for a spreadsheet"))));
}

async function apply() {
  at("apply").disabled = true;
  try {
    const done = await fetchJson(api("review-apply"), { body: {} });
    notify(done.said[0] || "applied");
    await readProgress();
  } catch (error) {
    tellError(error);
    at("apply").disabled = false;
  }
}

/** The next row of the queue after a row: itself is passed over. */
async function following(after) {
  const asked = new URLSearchParams({ state: at("queue").value === "rejected" ? "rejected" : "kept", n: "2" });
  if (at("queue").value && at("queue").value !== "rejected") asked.set("mark", at("queue").value);
  if (after) asked.set("after", after);
  const found = await ask(`${api("rows")}?${asked}`);
  return found.rows.find((r) => r.path !== after) || null;
}

async function show(next) {
  path = next;
  editing = false;
  row = path ? await fetchJson(`${api("row")}?path=${encodeURIComponent(path)}`) : null;
  const asked = new URLSearchParams();
  if (path) asked.set("row", path);
  if (at("queue").value !== "none") asked.set("mark", at("queue").value);
  globalThis.history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
  draw();
}

function draw() {
  if (!row) {
    const every = progress && progress.reviewed >= progress.rows && progress.rows;
    fill(at("row"), el("h2", {}, every ? "Every row is reviewed." : "No further row here."), el("p", { class: "soft" }, every ? "Apply the reviews below, or look at the flagged ones." : "Choose other rows above, or begin anew."));
    verbs();
    return;
  }
  const open = at("row").querySelector(".history")?.open;
  fill(at("row"),
    el("div", { class: "title" }, el("h2", {}, `Row ${row.path}`), chips(row), el("span", { class: "grow" })),
    editing ? editor() : values(row),
    el("details", { class: "history", open }, el("summary", {}, "How it came about"), el("div", { class: "inside-history" }, history(row))));
  verbs();
}

const VERBS = [
  ["a", "Accept", () => say("accept"), "primary"],
  ["r", "Reject", () => because("reject", "Why is it rejected?")],
  ["e", "Edit", () => edit()],
  ["f", "Flag", () => because("flag", "What should somebody look at?", true)],
  ["n", "Note", () => because("note", "What is there to say?")],
  ["g", "Retry", () => because("retry", "What should be fixed? The model is shown this text.")],
  ["l", "To all like it", () => alike()],
  ["x", "Make an example", () => example()],
  ["u", "Undo", () => undo()],
];

/** Whether a key does something now. */
function may(key) {
  if (key === "u") return Boolean(progress?.undoable.includes(reviewer()));
  if (key === "k") return been.length > 0;
  if (key === "j") return true;
  return Boolean(row && row.state === "kept" && (key !== "x" || Object.keys(progress?.examples || {}).length));
}

function verbs() {
  at("verbs").hidden = at("keys").hidden = editing;
  const own = ["k", "j"].map((key) => el("button", { type: "button", class: "quiet", disabled: !may(key), data: { key }, on: { click: () => act(key) } }, key === "j" ? "Next" : "Back", el("kbd", {}, key)));
  fill(at("verbs"), VERBS.map(([key, name, , kind]) => el("button", { type: "button", class: kind || "", disabled: !may(key), title: key === "x" && !may(key) ? "No prompt shows examples that stand in the spec or in a CSV file" : null, data: { key }, on: { click: () => act(key) } }, name, el("kbd", {}, key))), el("span", { class: "grow" }), own);
}

async function act(key) {
  if (busy) return;
  if (key === "j") return busily(() => forward());
  if (key === "k") return busily(async () => { if (been.length) await show(been.pop()); });
  const verb = VERBS.find(([its]) => its === key);
  if (!verb || !may(key)) return;
  if (!reviewer()) at("who-hint").hidden = false;
  else return busily(verb[2]);
}

async function busily(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch (error) {
    tellError(error);
  } finally {
    busy = false;
  }
}

async function forward() {
  const from = path;
  const next = (await following(from)) || (await following(""));
  if (from) been.push(from);
  await show(next ? next.path : "");
  at("row").focus({ preventScroll: false });
}

const DONE = { accept: "accepted", reject: "rejected", edit: "edited", flag: "flagged", note: "noted", retry: "to be retried" };

async function send(said) {
  if (!reviewer()) throw new Error("Write your name first: a review says whose it is");
  return fetchJson(api("review"), { body: { reviewer: reviewer(), said } });
}

async function say(verb, more = {}) {
  await send([{ path: row.path, digest: row.digest, verb, ...more }]);
  notify(`Row ${row.path}: ${DONE[verb]}`);
  const stays = verb === "flag" || verb === "note";
  await readProgress();
  if (stays) await show(path);
  else await forward();
}

/** A reason, asked for. Resolves to null where the person leaves it. */
function asked(title, { empty = false, prompts = null, body = null, verb = null, yes = "Say it", before = null } = {}) {
  return new Promise((resolve) => {
    const text = el("textarea", { id: "reason", rows: 3, "aria-label": title });
    const select = prompts && prompts.length > 1 && el("select", { id: "prompt" }, prompts.map((p) => el("option", { value: p, selected: p === (before?.prompt || prompts.at(-1)) }, p))); // the last wrote no other row
    if (before) text.value = before.reason;
    const fault = before && el("p", { class: "faults", role: "alert" }, sentence(before.fault));
    const unheard = el("p", { class: "soft small", role: "status" });
    const tell = () => (unheard.textContent = sentence((prompts && progress.unheard[select ? select.value : prompts[0]]) || ""));
    if (select) select.addEventListener("change", tell);
    tell();
    const chosen = select && el("label", {}, el("span", { class: "said" }, "The prompt that the remark is for"), select);
    const said = el("span", { class: "said" }, "The reason, or what should be fixed");
    const form = el("form", { method: "dialog" }, body, verb ? el("label", {}, said, text) : text, fault, chosen, unheard,
      el("div", { class: "buttons" }, el("button", { value: "no", formnovalidate: true }, "Cancel"), el("button", { value: "yes", class: "primary" }, yes)));
    if (!empty) text.required = true;
    const suit = () => { // a rejection and a retry need a reason; only a retry is for a prompt
      text.required = ["reject", "retry"].includes(verb.value);
      said.textContent = { reject: "Why are they rejected?", retry: "What should be fixed? The model is shown this text.", flag: "What should somebody look at? (optional)", accept: "A reason (optional)" }[verb.value];
      if (chosen) chosen.hidden = verb.value !== "retry";
      unheard.hidden = verb.value !== "retry";
    };
    verb?.addEventListener("change", suit);
    if (verb) suit();
    const dialog = el("dialog", { "aria-labelledby": "asked-title", class: body ? "large" : "" }, el("h2", { id: "asked-title" }, title), form);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit(form.querySelector("[value=yes]"));
      }
    });
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? { reason: text.value.trim(), prompt: select ? select.value : undefined, form } : null);
      dialog.remove();
    });
    document.body.append(dialog);
    openDialog(dialog);
    text.focus();
  });
}

async function because(verb, title, empty = false) {
  let before = null;
  for (;;) {
    const told = await asked(title, { empty, prompts: verb === "retry" ? progress.prompts : null, before });
    if (!told) return;
    try {
      return await say(verb, { reason: told.reason, prompt: told.prompt });
    } catch (error) {
      if (error.status !== 422) throw error;
      before = { ...told, fault: error.message }; // what was written is not lost
    }
  }
}

function textOf(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, Array.isArray(value) ? 1 : 0);
}

let checking = 0;

/** The values that were changed, as texts. */
function changed() {
  const patch = row.review?.patch || {};
  const found = {};
  for (const area of at("row").querySelectorAll("textarea[data-field]")) {
    const before = textOf(area.dataset.field in patch ? patch[area.dataset.field] : row.values[area.dataset.field]);
    if (area.value !== before) found[area.dataset.field] = area.value;
  }
  return found;
}

function editor() {
  const patch = row.review?.patch || {};
  const faults = el("div", { class: "faults", id: "faults", role: "status", "aria-live": "polite" });
  const form = el("form", { id: "edit", class: "fields" }, Object.entries(row.values).map(([name, value]) => {
    if (!progress.editable.includes(name)) return null;
    const area = el("textarea", { data: { field: name }, rows: 2 });
    area.value = textOf(name in patch ? patch[name] : value);
    area.addEventListener("input", () => {
      clearTimeout(checking);
      checking = setTimeout(check, 250);
    });
    return el("label", {}, el("span", { class: "said" }, name), area);
  }), faults, el("div", { class: "buttons" }, el("button", { type: "button", on: { click: leave } }, "Cancel ", el("kbd", {}, "Esc")), el("button", { class: "primary", id: "save" }, "Save ", el("kbd", {}, "Ctrl Enter"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busily(save);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return form;
}

async function check() {
  try {
    const found = await fetchJson(api("review-edit"), { body: { path: row.path, texts: changed() } });
    if (!editing) return found;
    fill(at("faults"), found.faults.map((f) => el("p", {}, f)));
    at("save").disabled = found.faults.length > 0;
    return found;
  } catch (error) {
    tellError(error);
    return null;
  }
}

function leave() {
  editing = false;
  draw();
  at("row").focus();
}

async function save() {
  if (!Object.keys(changed()).length) return leave();
  const found = await check();
  if (!found || found.faults.length) return;
  editing = false;
  await say("edit", { patch: found.patch });
}

function edit() {
  editing = true;
  draw();
  at("row").querySelector("textarea")?.focus();
}

async function undo() {
  const done = await fetchJson(api("review-undo"), { body: { reviewer: reviewer() } });
  notify(`Row ${done.path}: your last word is taken back`);
  await readProgress();
  const place = been.lastIndexOf(done.path);
  if (path !== done.path && place >= 0) been.length = place; // so that Back goes on to the row before it
  await show(done.path);
}

async function example() {
  const prompts = Object.keys(progress.examples);
  const select = el("select", {}, prompts.map((p) => el("option", { value: p }, p)));
  const where = el("p", {});
  const tell = () => {
    const file = progress.examples[select.value];
    const own = file !== spec.split("/").pop();
    where.textContent = own ? `Row ${row.path} is added to ${file}, where the examples stand that this prompt shows to the model. All that draws from this file has it too.` : `Row ${row.path} is written into the spec, among the examples that this prompt shows to the model.`;
  };
  select.addEventListener("change", tell);
  tell();
  const said = el("div", {}, where, el("p", {}, "What the prompt asks is then another request: the next run makes its calls again, and pays for them."),
    el("label", {}, el("span", { class: "said" }, "The prompt"), select));
  if (!(await confirmed("Make it an example", said, { yes: "Add it" }))) return;
  const done = await fetchJson(api("review-example"), { body: { path: row.path, prompt: select.value } });
  notify(`Row ${row.path} is one of the examples in ${done.file} now`);
}

async function alike() {
  at("progress").textContent = "Looking for rows like it…";
  const found = await ask(`${api("review-alike")}?path=${encodeURIComponent(row.path)}`);
  await readProgress();
  if (!found.rows.length) {
    notify("No other row is much like this one");
    return;
  }
  const verb = el("select", { id: "alike-verb" }, ["reject", "accept", "flag", "retry"].map((v) => el("option", { value: v }, { reject: "reject", accept: "accept", flag: "flag", retry: "retry" }[v])));
  const list = el("ul", { class: "alike" }, [{ ...row, values: { ...row.values, ...row.changed }, share: 1 }, ...found.rows].map((r) => el("li", {}, el("label", {}, el("input", { type: "checkbox", checked: true, value: r.path, data: { digest: r.digest } }),
    el("span", {}, el("strong", {}, r.path), r.share < 1 && el("span", { class: "soft" }, ` ${Math.round(r.share * 100)} % alike `), " ", Object.values(r.values).filter((v) => typeof v === "string").join(" · ").slice(0, 220))))));
  list.addEventListener("change", () => { // nothing can be said of no row
    const last = list.querySelectorAll("input:checked");
    for (const box of list.querySelectorAll("input")) box.disabled = last.length === 1 && box.checked;
  });
  const body = el("div", {}, el("label", {}, el("span", { class: "said" }, "What"), verb), list);
  let before = null, said = [];
  do {
    const told = await asked("The same to all of these", { empty: true, prompts: progress.prompts, verb, yes: "Say it of all", body, before });
    if (!told) return;
    const chosen = [...list.querySelectorAll("input:checked")];
    said = chosen.map((box) => ({ path: box.value, digest: box.dataset.digest, verb: verb.value, reason: told.reason, prompt: told.prompt }));
    try {
      await send(said);
      before = null;
    } catch (error) {
      if (error.status !== 422) throw error;
      before = { ...told, fault: error.message };
    }
  } while (before);
  notify(`${count(said.length, "row")}: ${DONE[verb.value]}`);
  await readProgress();
  await forward();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  if (event.key === "j" || event.key === "k" || VERBS.some(([key]) => key === event.key)) {
    event.preventDefault();
    act(event.key);
  }
});
at("who").addEventListener("change", () => {
  try {
    localStorage.setItem("reviewer", reviewer());
  } catch {
    // a browser that stores nothing
  }
});
at("who").addEventListener("input", () => {
  if (reviewer()) at("who-hint").hidden = true;
  if (!editing) verbs();
});
at("who").addEventListener("keydown", (event) => {
  if (event.key === "Enter") at("row").focus();
});
at("queue").addEventListener("change", () => {
  been.length = 0;
  busily(async () => {
    const next = await following("");
    await show(next ? next.path : "");
  });
});

try {
  verbs();
  await readProgress();
  if (!path) path = (await following(""))?.path || "";
  await show(path);
  await readProgress();
  if (!reviewer() && !document.activeElement?.closest("input, textarea, select, dialog")) at("who").focus();
} catch (error) {
  fill(at("row"), el("h2", {}, "There is nothing to review"), el("p", { class: "soft" }, refused(error, "review")));
  at("progress").textContent = "";
}
