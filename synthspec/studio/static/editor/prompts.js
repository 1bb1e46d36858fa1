// The prompts as they will be sent, for any combination that a person picks.
import { count, el, fill, number } from "/static/studio.js";

const ROLES = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" };
const SHAPES = { json_schema: "JSON Schema", regex: "Regular expression", grammar: "Grammar" };

/** The prompt panel. `ask(what, more)` asks for the prompts of a combination. */
export class PromptPanel {
  constructor(element, ask) {
    this.ask = ask;
    this.index = 0;
    this.wanted = {};
    this.asked = 0; // requests so far: an answer to an earlier one is not shown
    this.choosers = el("div", { class: "choosers" });
    this.place = el("div", { "aria-live": "polite" }, el("p", { class: "soft" }, "The prompts are being written …"));
    fill(element, el("h2", { class: "sr" }, "Prompts"), this.choosers, this.place);
    this.element = element;
  }

  /** Say why there are no prompts. */
  none(message) {
    this.element.classList.add("stale");
    if (!this.shown) fill(this.place, el("p", { class: "soft" }, message));
  }

  /** Take the figures of a plan: which values there are to choose from, and how many combinations. */
  async show(figures) {
    this.element.classList.remove("stale");
    this.total = figures.planned;
    this.choices = figures.choices;
    this.wanted = Object.fromEntries(Object.entries(this.wanted).filter(([n, v]) => this.choices[n]?.includes(v)));
    this.choose();
    await this.load();
  }

  choose() {
    const step = (by, said, sign) => el("button", { type: "button", "aria-label": said, on: { click: () => this.go(this.index + by) } }, sign);
    this.number = el("input", { type: "number", min: "0", max: String(Math.max(0, this.total - 1)), value: String(this.index), "aria-label": "Number of the combination" });
    this.number.addEventListener("change", () => this.go(Number(this.number.value) || 0));
    const lists = Object.entries(this.choices).map(([name, values]) => {
      const list = el("select", {}, el("option", { value: "" }, "any"), values.map((v, at) => el("option", { value: String(at + 1), selected: this.wanted[name] === v }, v.length > 40 ? `${v.slice(0, 39)}…` : v)));
      list.addEventListener("change", () => {
        if (list.value) this.wanted[name] = values[Number(list.value) - 1];
        else delete this.wanted[name];
        this.load();
      });
      return el("label", {}, el("span", { class: "label" }, name), list);
    });
    fill(this.choosers, el("div", { class: "row stepper" }, el("span", { class: "label" }, "Combination"), step(-1, "The combination before", "‹"), this.number, step(1, "The next combination", "›"), el("span", { class: "soft small" }, `of ${number(this.total)}`)),
      lists.length > 0 && el("div", { class: "lists" }, lists));
  }

  /** Show the combination of a number, whatever values were asked for. */
  go(index) {
    this.index = Math.max(0, Math.min(index, this.total - 1));
    this.wanted = {};
    this.choose();
    return this.load();
  }

  async load() {
    const mine = ++this.asked;
    const found = await this.ask("prompts", { index: this.index, wanted: this.wanted });
    if (!found || mine !== this.asked) return;
    if (found.index === null) {
      fill(this.place, el("p", {}, `No combination of the first ${number(found.looked_at)} has these values together.`));
      return;
    }
    this.index = found.index;
    this.number.value = String(found.index);
    this.shown = true;
    const values = Object.entries({ ...found.values, ...found.computed });
    fill(this.place,
      values.length > 0 && el("details", { class: "values" }, el("summary", {}, `${count(values.length, "value")} of combination ${found.index}`),
        el("dl", {}, values.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value === "" ? el("span", { class: "soft" }, "(empty)") : value)]))),
      found.prompts.length ? found.prompts.map(prompt) : el("p", { class: "soft" }, "No prompts: the dataset is computed from the parameters."));
  }
}

function prompt(p) {
  const title = p.endpoint === p.prompt ? p.prompt : p.endpoint;
  const calls = p.calls && (p.calls[0] === 1 && p.calls[1] === 1 ? "asked once" : `asked ${number(p.calls[0])}${p.calls[0] === p.calls[1] ? "" : `–${number(p.calls[1])}`} times`);
  const settings = Object.entries(p.settings);
  return el("section", { class: "prompt", "aria-label": `Prompt ${title}` },
    el("header", {}, el("h3", {}, title), el("p", { class: "small soft" }, [`to ${p.backend}`, calls, p.rows > 1 && `${p.rows} rows a reply`].filter(Boolean).join(" · "))),
    p.fault && el("p", { class: "said-box bad" }, `This cannot be written: ${p.fault}.`),
    p.notes.length > 0 && el("ul", { class: "small notes" }, p.notes.map((n) => el("li", {}, words(n)))),
    p.missing.length > 0 && el("p", { class: "small" }, "Not known before earlier prompts are answered: ", p.missing.map((name, at) => [at ? ", " : "", el("span", { class: "unknown" }, name)])),
    p.messages.map((m) => message(m, p.raw)),
    p.tools.length > 0 && el("details", {}, el("summary", {}, count(p.tools.length, "tool")), p.tools.map((t) => el("div", { class: "tool" }, el("h4", {}, t.name), t.description && el("p", { class: "small" }, t.description), el("pre", {}, JSON.stringify(t.parameters, null, 2))))),
    p.constraint && el("details", {}, el("summary", {}, `Shape of the reply: ${SHAPES[p.constraint.kind]}${p.constrained ? "" : " (not sent: constrain is off)"}`),
      el("pre", {}, typeof p.constraint.value === "string" ? p.constraint.value : JSON.stringify(p.constraint.value, null, 2)),
      el("p", { class: "small soft" }, p.constrained ? "Sent along where the backend can be held to it; the reply is checked in any case." : "The reply is checked in any case.")),
    settings.length > 0 && el("details", {}, el("summary", {}, "Settings"), el("dl", {}, settings.map(([name, value]) => [el("dt", {}, name), el("dd", {}, typeof value === "string" ? value : JSON.stringify(value))]))));
}

function message(m, raw) {
  return el("div", { class: `message ${m.role}` },
    el("h4", {}, raw ? "Text to go on from" : ROLES[m.role] || m.role),
    m.pictures.map((p) => el("p", { class: "small soft" }, `Picture: ${p}`)),
    el("div", { class: "said" }, m.pieces.map(([text, unknown]) => (unknown ? el("span", { class: "unknown", title: "not known yet" }, text) : text)),
      !m.pieces.length && !m.derived && el("span", { class: "soft" }, "(empty)")),
    m.derived && el("div", { class: "derived" }, el("span", { class: "label" }, "Added from the rules of the fields"), m.derived));
}

/** A sentence with its `names` as code. */
function words(text) {
  return text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));
}
