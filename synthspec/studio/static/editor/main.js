// The editor page: the text, its problems, its plan and its prompts, kept together.
import { EditorView, startCompletion } from "/static/vendor/codemirror.js";
import { choose, el, fetchJson, fill, notify, openDialog, specUrl, tellError } from "/static/studio.js";
import { changesOf, colourWords, makeEditor, offsetOf, placeOf, rangeOf, reveal } from "/static/editor/code.js";
import { offerDrafts } from "/static/editor/drafts.js";
import { openForm } from "/static/editor/forms.js";
import { Language, settled } from "/static/editor/language.js";
import { markdown } from "/static/editor/markdown.js";
import { PlanPanel } from "/static/editor/plan.js";
import { Problems } from "/static/editor/problems.js";
import { PromptPanel } from "/static/editor/prompts.js";
import { Saving } from "/static/editor/saving.js";

const root = document.getElementById("editor");
const { spec } = document.body.dataset;
const part = (name) => document.getElementById(name);
document.getElementById("main").classList.add("wide");

const saving = new Saving(spec, showState);
let view = null;
const language = new Language(spec, () => view.state.doc.toString());
const failing = (error) => (error.status === 422 || error.status === 0 ? null : tellError(error));

// --- the text

function showState(state) {
  const button = part("save");
  button.disabled = !state.changed;
  part("state").textContent = state.text;
  part("state").className = `chip ${state.gone ? "bad" : state.changed ? "warn" : ""}`;
  document.title = `${state.changed ? "• " : ""}${spec} · synthspec studio`;
}

const save = () => {
  saving.save().then((done) => done && notify("Saved."), tellError);
  return true;
};

const OWN = new Set(["parameter", "field", "item"]); // of the spec itself, before what every spec has

async function complete(context) {
  const word = context.matchBefore(/[\w.-]+/);
  const before = context.state.doc.lineAt(context.pos).text.slice(0, context.pos - context.state.doc.lineAt(context.pos).from);
  if (!context.explicit && !word && !/[{%.|:\-,( ]$/.test(before)) return null;
  if (!context.explicit && /^\s*$/.test(before)) return null;
  const abort = new AbortController();
  context.addEventListener("abort", () => abort.abort());
  let found;
  try {
    found = await language.ask("complete", placeOf(context.state.doc, context.pos), { signal: abort.signal, exact: false });
  } catch (error) {
    if (error.name !== "AbortError") failing(error);
  }
  const { doc } = context.state;
  if (!found?.items.length) return doc.eq(view.state.doc) ? null : outdated(context.pos);
  const ranges = found.items.map((item) => rangeOf(doc, item.edit.span));
  const from = Math.min(...ranges.map((r) => r.from));
  const options = found.items.map((item, at) => ({
    label: item.label, detail: item.detail, boost: (OWN.has(item.kind) ? 30 : 0) - at / 10, type: item.kind,
    info: item.documentation ? () => el("div", {}, markdown(item.documentation)) : undefined,
    apply: (editor) => {
      const head = editor.state.selection.main.head;
      const end = Math.max(head, ranges[at].to + head - context.pos);
      editor.dispatch({ changes: { from: ranges[at].from, to: Math.min(end, editor.state.doc.length), insert: item.edit.text }, selection: { anchor: ranges[at].from + item.edit.text.length }, userEvent: "input.complete" });
    },
  }));
  return { from, options, validFor: /^[\w.-]*$/ };
}

/** No items, which hold for no other text: CodeMirror asks again where a person typed on, which it does not after null. */
const outdated = (from) => ({ from, options: [], validFor: () => false });

async function hover(editor, position) {
  try {
    const { hover: told } = (await language.ask("hover", placeOf(editor.state.doc, position))) || {};
    if (!told) return null;
    const { from, to } = rangeOf(editor.state.doc, told.span);
    return { pos: from, end: to, above: true, create: () => ({ dom: el("div", { class: "hover" }, markdown(told.markdown)) }) };
  } catch (error) {
    failing(error);
    return null;
  }
}

const keys = [
  { key: "Mod-s", run: save, preventDefault: true },
  { key: "F12", run: () => go("definition") },
  { key: "Shift-F12", run: () => go("references") },
  { key: "F2", run: () => rename() },
  { key: "Mod-i", run: (editor) => startCompletion(editor), preventDefault: true },
];

// --- what is known of the text

const look = settled(async () => {
  const begun = performance.now();
  try {
    const found = await language.ask("diagnostics");
    if (!found) return look(true);
    problems.show(found.diagnostics);
    root.dataset.seen = String(view.state.doc.length);
    performance.measure("diagnostics", { start: begun });
    more();
    const told = await language.ask("words");
    if (told) colourWords(view, told.words);
  } catch (error) {
    failing(error);
  }
}, 30);

const more = settled(async () => {
  try {
    if (problems.found.length) {
      const found = await language.ask("remedies");
      if (found) problems.remedies(found.remedies);
    }
    if (problems.found.some((d) => d.severity === "error")) {
      plan.none("The plan is here when the spec has no errors.");
      prompts.none("The prompts are here when the spec has no errors.");
      return;
    }
    const figures = await askPlan("figures");
    if (!figures) return;
    await Promise.all([plan.show(figures), prompts.show(figures)]);
    root.dataset.planned = String(view.state.doc.length);
  } catch (error) {
    plan.none(error.message, error.help);
    prompts.none(error.message);
    failing(error);
  }
}, 350);

const askPlan = async (what, given = {}) => {
  try {
    return await language.ask(what, given, { base: "/api/plan/" });
  } catch (error) {
    if (what === "figures") throw error;
    failing(error);
    return null;
  }
};

// --- places

const here = () => placeOf(view.state.doc, view.state.selection.main.head);

function go(what) {
  language.ask(what, here()).then(async (found) => {
    if (!found) return; // the text was changed meanwhile
    const { places } = found;
    if (!places.length) notify(what === "definition" ? "Nothing is named here that is declared elsewhere." : "Nothing is named here.");
    else if (what === "definition" && places.length === 1) await open(places[0]);
    else listPlaces(what === "definition" ? "Declared at" : `${places.length} ${places.length === 1 ? "place" : "places"}`, places);
  }).catch(tellError);
  return true;
}

async function open(place) {
  if (place.own) return reveal(view, rangeOf(view.state.doc, place));
  if (place.spec) {
    await saving.keep();
    location.assign(`${specUrl(place.spec, "edit")}#${place.line}`);
    return;
  }
  await choose({ title: place.name, text: "This file is not in the folder of the studio, so it is shown and cannot be changed here.", large: true, more: place.text === undefined ? null : el("pre", { class: "sunk", tabindex: "0" }, place.text), buttons: [["stay", "Close"]] });
}

function listPlaces(title, places) {
  const dialog = el("dialog", { "aria-labelledby": "places-title" }, el("h2", { id: "places-title" }, title),
    el("ul", { class: "places" }, places.map((p) => el("li", {}, el("button", { type: "button", class: "link", on: { click: () => { dialog.close(); open(p); } } }, `${p.own ? "line" : p.name} ${p.line}`), p.shown && el("code", {}, p.shown)))),
    el("form", { method: "dialog", class: "buttons" }, el("button", {}, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  openDialog(dialog);
}

function rename() {
  const place = here();
  const { doc } = view.state;
  const at = view.state.selection.main.head;
  const line = doc.lineAt(at);
  const word = [...line.text.matchAll(/\w+/g)].find((m) => m.index <= at - line.from && at - line.from <= m.index + m[0].length)?.[0] || "";
  const name = el("input", { value: word, autocomplete: "off", spellcheck: "false" });
  const fault = el("p", { class: "bad", role: "alert" });
  const body = el("form", { method: "dialog", novalidate: true }, el("h2", { id: "rename-title" }, `Rename ${word}`), el("label", {}, el("span", { class: "label" }, "New name"), name), fault,
    el("div", { class: "buttons" }, el("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"), el("button", { class: "primary", type: "submit" }, "Rename everywhere")));
  const dialog = el("dialog", { "aria-labelledby": "rename-title" }, body);
  dialog.addEventListener("close", () => dialog.remove());
  body.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const found = await language.ask("rename", { ...place, name: name.value.trim() });
      if (!dialog.open) return; // cancelled
      if (!found) return dialog.close();
      if (found.refusal || !found.edits.length) return fill(fault, found.refusal || "Nothing is named here.");
      dialog.close();
      view.dispatch({ changes: changesOf(view.state.doc, found.edits), userEvent: "input.rename" });
      notify(`Renamed in ${found.edits.length} ${found.edits.length === 1 ? "place" : "places"}.`, { help: found.note });
    } catch (error) {
      fill(fault, `${error.message}.`);
    }
  });
  document.body.append(dialog);
  openDialog(dialog);
  name.select();
  return true;
}

// --- panels as tabs

const tabs = [...root.querySelectorAll('[role="tab"]')];

function showTab(tab, focus = false) {
  for (const each of tabs) {
    each.setAttribute("aria-selected", String(each === tab));
    each.tabIndex = each === tab ? 0 : -1;
    part(each.getAttribute("aria-controls")).classList.toggle("shown", each === tab);
  }
  root.dataset.tab = tab.id;
  if (focus) tab.focus();
}

const isWide = matchMedia("(min-width: 960px)");
const offered = () => tabs.filter((t) => t.offsetParent !== null);
const settle = () => offered().includes(tabs.find((t) => t.getAttribute("aria-selected") === "true")) || showTab(offered()[0]);
isWide.addEventListener("change", settle);
for (const tab of tabs) {
  tab.addEventListener("click", () => showTab(tab));
  tab.addEventListener("keydown", (event) => {
    const list = offered();
    const at = list.indexOf(tab);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: list.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    showTab(list[(next + list.length) % list.length], true);
  });
}

// --- begin

let problems, plan, prompts;

async function begin() {
  const text = await saving.load();
  view = makeEditor(part("text"), { text, nonce: root.dataset.nonce, readOnly: saving.base.read_only, complete, hover, keys, changed: () => { saving.edited(); look(); } });
  problems = new Problems(view, part("problems-list"), (told) => {
    part("problems-count").textContent = told.text;
    part("problems-count").hidden = !told.errors && !told.warnings;
    part("problems-count").className = `chip ${told.errors ? "bad" : told.warnings ? "warn" : "good"}`;
    part("tab-problems").textContent = told.errors + told.warnings ? `Problems ${told.errors + told.warnings}` : "Problems";
  });
  plan = new PlanPanel(part("plan"), askPlan, (index) => {
    showTab(part("tab-prompts"), true);
    prompts.go(index);
  });
  prompts = new PromptPanel(part("prompts"), askPlan);
  saving.begin(view);
  for (const button of root.querySelectorAll("[data-form]")) button.addEventListener("click", () => openForm(button.dataset.form, language, (change) => {
    if (!isWide.matches) showTab(part("tab-text"));
    view.dispatch({ changes: change, selection: { anchor: change.from + change.insert.length }, effects: EditorView.scrollIntoView(change.from, { y: "center" }), userEvent: "input.form" });
    view.focus();
  }));
  part("save").addEventListener("click", save);
  for (const [id, run] of [["go-definition", () => go("definition")], ["go-references", () => go("references")], ["go-rename", rename]]) part(id).addEventListener("click", run);
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      if (!event.defaultPrevented || !root.contains(document.activeElement) || !view.hasFocus) save();
    }
  });
  showTab(isWide.matches ? part("tab-plan") : part("tab-text"));
  look(true);
  const line = Number(location.hash.slice(1));
  if (line) reveal(view, { from: offsetOf(view.state.doc, line, 1), to: offsetOf(view.state.doc, line, 1) });
  await offerDrafts(saving, part("drafts"));
  root.dataset.drafts = "looked for";
}

begin().catch((error) => {
  fill(part("text"), el("div", { class: "said-box bad" }, el("p", {}, `${error.message}.`), error.help && el("p", { class: "soft" }, error.help)));
  if (!error.status) console.error(error);
});
