// What is wrong with the text: in the text, and in a list with remedies of one click.
import { forEachDiagnostic, setDiagnostics } from "/static/vendor/codemirror.js";
import { count, el, fill, notify } from "/static/studio.js";
import { changesOf, rangeOf, reveal } from "/static/editor/code.js";

/** The list of problems beside an editor. `changed(summary)` is told how many there are. */
export class Problems {
  constructor(view, list, changed) {
    this.view = view;
    this.list = list;
    this.changed = changed;
    this.found = [];
    this.doc = null; // what they were found in
  }

  get current() {
    return this.doc?.eq(this.view.state.doc) ?? false;
  }

  /** Show what was found in the text as it is now. */
  show(diagnostics) {
    this.found = diagnostics.map((d) => ({ ...d, remedies: [] }));
    this.doc = this.view.state.doc;
    this.mark();
    this.tell();
  }

  /** Add the remedies, which come later; where the text is another by now, they come again with its problems. */
  remedies(remedies) {
    if (!this.current) return;
    for (const each of remedies) this.found[each.diagnostic]?.remedies.push(each);
    this.mark();
    this.tell();
  }

  mark() {
    const { state } = this.view;
    const shown = this.found.filter((d) => d.own).map((d) => ({
      ...widened(state.doc, rangeOf(state.doc, d)),
      severity: d.severity === "error" ? "error" : "warning",
      source: d.code,
      message: d.message,
      renderMessage: () => el("div", {}, el("strong", {}, d.message), d.help && el("div", { class: "soft small" }, d.help)),
      actions: d.remedies.map((r) => ({ name: r.title, apply: () => this.apply(r) })),
    }));
    this.view.dispatch(setDiagnostics(state, shown));
  }

  /** Apply a remedy, as one step that can be undone. Nothing is done where the text is another by now. */
  apply(remedy) {
    if (!this.current) return notify("The text was changed meanwhile: its problems are looked for again.");
    const { state } = this.view;
    const changes = changesOf(state.doc, remedy.edits);
    this.view.dispatch({ changes, userEvent: "input.remedy", scrollIntoView: true, ...(changes.length && { selection: { anchor: Math.min(...changes.map((c) => c.from)) } }) });
    this.view.focus();
  }

  /** Where the diagnostics of the text stand now, after edits that they do not know. */
  go(number) {
    const d = this.found[number];
    let range = rangeOf(this.view.state.doc, d);
    forEachDiagnostic(this.view.state, (shown, from, to) => {
      if (shown.source === d.code && shown.message === d.message) range = { from, to };
    });
    reveal(this.view, range);
  }

  tell() {
    const errors = this.found.filter((d) => d.severity === "error").length;
    const warnings = this.found.length - errors;
    const item = (d, number) => {
      const place = d.own ? el("button", { type: "button", class: "link place", on: { click: () => this.go(number) } }, `line ${d.line}`) : el("span", { class: "soft" }, `${d.file}:${d.line}`);
      return el("li", { class: d.severity === "error" ? "bad" : "warn" },
        el("div", { class: "what" }, el("span", { class: "kind" }, d.severity === "error" ? "Error" : "Warning"), el("span", { class: "words" }, d.message), place),
        el("div", { class: "more" }, d.help && el("span", { class: "soft small" }, d.help), d.remedies.map((r) => el("button", { type: "button", class: "remedy", on: { click: () => this.apply(r) } }, r.title)),
          el("span", { class: "soft small code" }, d.code)));
    };
    const focused = this.list.contains(document.activeElement);
    fill(this.list, this.found.length ? el("ul", {}, this.found.map(item)) : el("p", { class: "fine" }, "No problems."));
    if (focused) this.list.querySelector("button")?.focus();
    const parts = [errors && count(errors, "error"), warnings && count(warnings, "warning")].filter(Boolean);
    this.changed({ errors, warnings, text: parts.join(", ") || "No problems" });
  }
}

/** A range of at least one character, so that it shows. */
function widened(doc, { from, to }) {
  if (to > from) return { from, to };
  const line = doc.lineAt(from);
  return from < line.to ? { from, to: from + 1 } : { from: Math.max(line.from, from - 1), to: from };
}
