// The plan beside the text: what it takes, how even it is, which pairs there are, the first combinations.
import { count, dollars, el, fill, number } from "/static/studio.js";

const EMPTY = { loading: "The plan is being made …", errors: "The plan is here when the spec has no errors." };

/** The plan panel. `ask(what, more)` asks for parts of it; `showPrompt(index)` opens the prompts of a combination. */
export class PlanPanel {
  constructor(element, ask, showPrompt) {
    this.element = element;
    this.ask = ask;
    this.showPrompt = showPrompt;
    this.pair = null;
    this.start = 0;
    fill(element, el("p", { class: "soft" }, EMPTY.loading));
  }

  /** Say why there is no plan. The last one stays below, as that of an earlier text. */
  none(message, help = "") {
    this.element.classList.add("stale");
    if (!this.figures) fill(this.element, el("p", { class: "soft" }, message), help && el("p", { class: "soft small" }, help));
  }

  /** Show the figures of a text. */
  async show(figures) {
    this.figures = figures;
    this.element.classList.remove("stale");
    const sides = figures.sides;
    if (!this.pair || !this.pair.every((name) => sides.includes(name))) this.pair = sides.length > 1 ? [sides[0], sides[1]] : null;
    this.grid = el("div", { class: "grid-place", "aria-live": "off" });
    this.list = el("div");
    fill(this.element, el("h2", { class: "sr" }, "Plan"), this.total(), this.use(), this.balance(), this.pair && this.pairs(), el("h3", {}, "Combinations"), this.list);
    await Promise.all([this.pair && this.showGrid(), this.showCombinations(0)]);
  }

  total() {
    const f = this.figures;
    const rows = f.rows === null ? "Rows as many as there are items" : count(f.rows, "row");
    const facts = [
      ["Calls", range(f.expected.calls, number), number(f.worst.calls)],
      ["Tokens sent", range(f.expected.prompt_tokens, number), number(f.worst.prompt_tokens)],
      ["Tokens received", range(f.expected.completion_tokens, number), number(f.worst.completion_tokens)],
      ["Cost", range(f.expected.cost, dollars), dollars(f.worst.cost)],
    ];
    if (f.unbounded.length) for (const fact of facts) if (fact[2] === "unknown") fact[2] = "no bound";
    return [
      el("p", { class: "lead" }, el("strong", {}, rows), ` from ${range(f.combinations, number)} combinations (${f.strategy}).`),
      el("table", { class: "facts" }, el("caption", { class: "sr" }, "What the whole dataset is expected to take"),
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, el("span", { class: "sr" }, "What")), el("th", { scope: "col", class: "num" }, "Expected"), el("th", { scope: "col", class: "num" }, "At worst"))),
        el("tbody", {}, facts.map(([what, expected, worst]) => el("tr", {}, el("th", { scope: "row" }, what), el("td", { class: "num" }, expected), el("td", { class: "num" }, worst))))),
      el("p", { class: "soft small" }, "Tokens are estimated. At worst every attempt is used, and every reply is as long as it may be."),
      f.unbounded.length ? el("p", { class: "soft small" }, f.bound_note) : null,
    ];
  }

  use() {
    const prompts = this.figures.prompts;
    if (!prompts.length) return el("p", { class: "soft" }, "No prompts: the dataset is computed from the parameters, without a call.");
    if (prompts.length === 1) return el("p", { class: "soft small" }, `Prompt ${prompts[0].name}, asked of ${prompts[0].backend}.`);
    return el("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Calls by prompt" }, el("table", {},
      el("thead", {}, el("tr", {}, ["Prompt", "Asked of", "Calls", "Cost"].map((head, at) => el("th", { scope: "col", class: at > 1 && "num" }, head)))),
      el("tbody", {}, prompts.map((p) => el("tr", {}, el("th", { scope: "row" }, p.name), el("td", {}, p.backend), el("td", { class: "num" }, range(p.calls, number)), el("td", { class: "num" }, range(p.cost, dollars)))))));
  }

  balance() {
    const f = this.figures;
    if (!f.parameters.length) return el("p", { class: "soft" }, "There is no parameter that anything reads.");
    const over = f.counted < f.planned ? `Over the first ${number(f.counted)} of ${number(f.planned)} combinations.` : "";
    return [
      el("h3", {}, "Balance"),
      over && el("p", { class: "soft small" }, over),
      f.parameters.map((p) => parameter(p)),
      f.more_parameters > 0 && el("p", { class: "soft small" }, `and ${count(f.more_parameters, "more parameter")}`),
      f.correlations.map((c) => el("p", { class: "small" }, `Rank correlation of ${c.between.join(" and ")}: ${c.asked.toFixed(2)} asked, ${c.reached === null ? "unknown" : c.reached.toFixed(2)} reached.`)),
      f.unused.length > 0 && el("p", { class: "soft small" }, `Nothing reads ${f.unused.join(", ")}.`),
    ];
  }

  pairs() {
    const choose = (at, said) => {
      const list = el("select", { "aria-label": said }, this.figures.sides.map((name) => el("option", { value: name, selected: this.pair[at] === name }, name)));
      list.addEventListener("change", () => {
        this.pair[at] = list.value;
        this.showGrid();
      });
      return list;
    };
    const p = this.figures.pairs;
    return [
      el("h3", {}, "Pairs"),
      p && el("p", { class: "small" }, `${number(p.covered)} of ${number(p.possible)} possible pairs of listed values are there${p.impossible ? `; ${number(p.impossible)} more ${p.impossible === 1 ? "is" : "are"} excluded` : ""}.`),
      el("div", { class: "row pair" }, choose(0, "Rows of the grid"), el("span", { "aria-hidden": "true" }, "×"), choose(1, "Columns of the grid")),
      this.grid,
    ];
  }

  async showGrid() {
    const [first, second] = this.pair;
    const place = this.grid;
    const { grid } = (await this.ask("grid", { first, second })) || {};
    if (grid === undefined || place !== this.grid || first !== this.pair[0] || second !== this.pair[1]) return;
    if (grid === null) {
      fill(place, el("p", { class: "soft small" }, "One of them has too many different values for a grid."));
      return;
    }
    const [rows, columns] = grid.values;
    const most = Math.max(1, ...grid.counts.flat());
    const cell = (value, never, row, column) => {
      const made = el("td", { class: never ? "never" : value ? "some" : "none" }, never ? "—" : String(value));
      made.title = `${row}, ${column}: ${never ? "excluded" : count(value, "combination")}`;
      if (value) made.style.setProperty("--share", String(Math.round((value / most) * 100)));
      if (never) made.append(el("span", { class: "sr" }, " excluded"));
      return made;
    };
    fill(place,
      el("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": `Combinations by ${first} and ${second}` },
        el("table", { class: "grid" },
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, el("span", { class: "sr" }, `${first} and ${second}`)), columns.map((c) => el("th", { scope: "col" }, short(c))))),
          el("tbody", {}, rows.map((r, i) => el("tr", {}, el("th", { scope: "row" }, short(r)), columns.map((c, j) => cell(grid.counts[i][j], grid.never[i][j], r, c))))))),
      el("p", { class: "small soft" }, grid.empty ? `${count(grid.empty, "pair")} of values that may be together ${grid.empty === 1 ? "is" : "are"} not there (0). ` : "Every pair of values that may be together is there. ",
        grid.never.flat().some(Boolean) && "A dash is a pair that exclusions forbid.",
        grid.cut[0] + grid.cut[1] > 0 && ` ${count(grid.cut[0] + grid.cut[1], "further value")} left out.`));
  }

  async showCombinations(start) {
    this.start = start;
    const list = this.list;
    const found = await this.ask("combinations", { start });
    if (!found || list !== this.list || start !== this.start) return;
    const { combinations, total } = found;
    if (!combinations.length) {
      fill(list, el("p", { class: "soft" }, "There is none."));
      return;
    }
    const names = Object.keys(combinations[0]);
    const end = found.start + combinations.length;
    const move = (to, said, off) => el("button", { type: "button", disabled: off, on: { click: () => this.showCombinations(to) } }, said);
    fill(list,
      el("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Combinations" }, el("table", { class: "combinations" },
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "No."), names.map((n) => el("th", { scope: "col" }, n)))),
        el("tbody", {}, combinations.map((c, i) => el("tr", {},
          el("th", { scope: "row" }, el("button", { type: "button", class: "link", "aria-label": `Prompts of combination ${found.start + i}`, on: { click: () => this.showPrompt(found.start + i) } }, String(found.start + i))),
          names.map((n) => el("td", {}, short(c[n], 60)))))))),
      total > combinations.length && el("div", { class: "row pager" }, move(Math.max(0, found.start - combinations.length), "Earlier", found.start === 0),
        el("span", { class: "small soft" }, `${number(found.start)}–${number(end - 1)} of ${number(total)}`), move(end, "Later", end >= total)));
  }
}

function parameter(p) {
  if (!p.values.length) {
    const q = p.quantiles;
    const digits = (v) => Number(v.toPrecision(4)).toLocaleString("en");
    return el("div", { class: "balance" }, el("h4", {}, p.name), el("p", { class: "small soft" },
      `${number(p.distinct)} different ${p.kind}`, q && `, ${digits(q.min)} to ${digits(q.max)}, mean ${digits(q.mean)}, median ${digits(q.median)}`));
  }
  const shown = p.values.slice(0, 10);
  const most = Math.max(...p.values.map((v) => Math.max(v.asked ?? 0, v.reached)), 1e-9);
  return el("div", { class: "balance" }, el("h4", {}, p.name),
    el("table", {}, el("caption", { class: "sr" }, `Shares of ${p.name}`),
      el("thead", { class: "sr" }, el("tr", {}, ["Value", "Reached", "Share", "Asked"].map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, shown.map((v) => {
        const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", { class: "reached" }), v.asked !== null && el("span", { class: "asked" }));
        bar.style.setProperty("--reached", String(v.reached / most));
        bar.style.setProperty("--asked", String((v.asked ?? 0) / most));
        return el("tr", {}, el("th", { scope: "row" }, short(v.value)), el("td", { class: "bar-cell" }, bar), el("td", { class: "num" }, percent(v.reached)), el("td", { class: "num soft" }, v.asked === null ? "" : `of ${percent(v.asked)}`));
      }))),
    p.values.length > shown.length && el("p", { class: "small soft" }, `and ${count(p.values.length - shown.length, "more value")}`));
}

const percent = (share) => `${(share * 100).toFixed(1)}%`;
const short = (text, most = 28) => (text.length > most ? `${text.slice(0, most - 1)}…` : text === "" ? "(empty)" : text);

/** `12`, `12–36`, `unknown`. */
export function range([least, most], said) {
  if (least === null || most === null) return "unknown";
  return least === most ? said(most) : `${said(least)}–${said(most)}`;
}
