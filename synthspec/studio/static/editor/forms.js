// Forms for those who never read the manual: each puts one part into the text, where it belongs.
import { el, fetchJson, fill, openDialog, specUrl } from "/static/studio.js";

const FORMS = {
  parameter: {
    title: "A parameter", said: "What varies from one row to the next. Prompts read it as {{ name }}.",
    kinds: {
      list: ["One of a list", [["values", "Values, one a line", "lines"]]],
      integer: ["A whole number between", [["low", "Smallest"], ["high", "Largest"]]],
      uniform: ["A number between", [["low", "Smallest"], ["high", "Largest"]]],
      expression: ["Computed", [["expression", "Expression", "text", "mood + ' and tired'"]]],
    },
    kind: "draw", kindSaid: "It is",
  },
  field: {
    title: "A field", said: "A column of the dataset, with the rules that its values must keep.",
    kinds: {
      text: ["A text", [["low", "At least so many words", "optional"], ["high", "At most so many words", "optional"]]],
      integer: ["A whole number", [["low", "Smallest", "optional"], ["high", "Largest", "optional"]]],
      number: ["A number", [["low", "Smallest", "optional"], ["high", "Largest", "optional"]]],
      boolean: ["True or false", []],
      choice: ["One of a list", [["values", "Values, one a line", "lines"]]],
      list: ["A list of texts", []],
      value: ["Computed, not written by a model", [["expression", "Expression", "text", "mood"]]],
    },
    kind: "type", kindSaid: "It holds",
  },
  check: {
    title: "A check", said: "A rule over a whole row. A row that breaks it is asked for again.", nameless: true,
    fields: [["expression", "What must hold", "text", "words(title) < words(text)"], ["message", "What to say when it does not", "optional"]],
  },
  prompt: {
    title: "A prompt", said: "What is asked of the model, and the fields that its reply fills.",
    fields: [["user", "Prompt", "area", "Write what a {{ mood }} caller says."], ["writes", "Fields it writes, one a line", "lines"]],
  },
};

/** Ask for a part and put it into the text. `language` knows the text; `put({from, to, insert})` changes it. */
export function openForm(kind, language, put) {
  const form = FORMS[kind];
  const chosen = form.kinds && el("select", { name: form.kind, id: "form-kind" }, Object.entries(form.kinds).map(([value, [said]]) => el("option", { value }, said)));
  const inputs = el("div", { class: "fields" });
  const fault = el("p", { class: "bad", role: "alert" });
  const show = () => fill(inputs, (form.kinds ? form.kinds[chosen.value][1] : form.fields).map(input));
  const body = el("form", { method: "dialog", novalidate: true },
    el("h2", { id: "form-title" }, form.title), el("p", { class: "soft" }, form.said),
    el("div", { class: "fields" }, !form.nameless && input(["name", "Name"]), form.kinds && el("label", { for: "form-kind" }, el("span", { class: "label" }, form.kindSaid), chosen)), inputs, fault,
    el("div", { class: "buttons" }, el("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"), el("button", { class: "primary", type: "submit" }, "Insert")));
  const dialog = el("dialog", { class: "form", "aria-labelledby": "form-title" }, body);
  chosen?.addEventListener("change", show);
  show();
  body.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = {};
    for (const each of body.querySelectorAll("[name]")) given[each.name] = each.dataset.lines ? each.value.split("\n").map((v) => v.trim()).filter(Boolean) : each.value;
    try {
      const change = await fetchJson(specUrl(language.spec, "", "/api/insert/"), { body: { text: language.text(), kind, given } });
      if (!dialog.open) return; // cancelled, or inserted already
      dialog.close();
      put(change);
    } catch (error) {
      fill(fault, `${error.message}${error.help ? `: ${error.help}` : ""}.`);
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  openDialog(dialog);
}

function input([name, said, kind = "text", example]) {
  const optional = kind === "optional";
  const attributes = { name, placeholder: example, autocomplete: "off", spellcheck: "false", "aria-required": optional ? null : "true" };
  const made = kind === "lines" || kind === "area" ? el("textarea", { ...attributes, rows: "4", data: kind === "lines" ? { lines: "1" } : {} }) : el("input", attributes);
  return el("label", {}, el("span", { class: "label" }, said, optional && " (if any)"), made);
}
