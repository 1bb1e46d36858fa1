// What two texts made of one: the lines that differ, side by side, and what is to stay where both changed them.
import { count, el } from "/static/studio.js";

const AROUND = 2; // lines shown before and after a difference
const KINDS = { mine: (one) => `Changed in ${one}`, theirs: (_, other) => `Changed in ${other}`, alike: () => "Changed alike in both", conflict: () => "Changed in both, each in its way" };
const AS_PART = (title) => title[0].toLowerCase() + title.slice(1);

/**
 * The differences of two texts, `stretches` as `/api/merge/` gives them. `titles` name the two. Where `choose`, a person
 * says at each place that both changed which lines stay; `changed(left)` is told at how many places that is still to do.
 */
export class Comparison {
  constructor(stretches, titles, { choose = false, changed = () => {} } = {}) {
    this.stretches = stretches;
    this.titles = titles;
    this.changed = changed;
    this.chosen = new Map();
    this.conflicts = stretches.filter((s) => s.kind === "conflict").length;
    const at = [1, 1];
    const places = [];
    stretches.forEach((stretch, number) => {
      if (stretch.kind !== "same") places.push(this.place(stretch, number, [...at], choose));
      at[0] += stretch.mine.length;
      at[1] += stretch.theirs.length;
    });
    this.element = el("div", { class: "differences" },
      el("p", { class: "small soft" }, places.length ? `${count(places.length, "difference")}. Lines that are alike are left out.` : "Nothing differs."), places);
    changed(choose ? this.conflicts : 0);
  }

  place(stretch, number, at, choose) {
    const name = `difference-${number}`;
    const said = KINDS[stretch.kind](...this.titles.map(AS_PART));
    const [before, after] = [this.stretches[number - 1]?.common.slice(-AROUND) ?? [], this.stretches[number + 1]?.common.slice(0, AROUND) ?? []];
    const side = (which) => {
      const lines = which ? stretch.theirs : stretch.mine;
      const is = stretch.kind === "conflict" || stretch.kind === "alike" || stretch.kind === (which ? "theirs" : "mine");
      const first = at[which];
      return el("div", { class: "half" }, el("h4", {}, this.titles[which], el("span", { class: "soft" }, lines.length ? `, ${lines.length > 1 ? `lines ${first} to ${first + lines.length - 1}` : `line ${first}`}` : "")),
        el("div", { class: "lines" },
          before.map((line, i) => row(first - before.length + i, line, "soft")),
          lines.length ? lines.map((line, i) => row(first + i, line, is ? "is" : "")) : el("p", { class: "none" }, stretch.common.length ? "These lines were deleted." : "Nothing is here."),
          after.map((line, i) => row(first + lines.length + i, line, "soft"))));
    };
    return el("section", { class: stretch.kind, role: "group", "aria-labelledby": name },
      el("h3", { id: name }, said),
      el("div", { class: "halves" }, side(0), side(1)),
      choose && stretch.kind === "conflict" && this.choices(number));
  }

  choices(number) {
    const options = [["mine", this.titles[0]], ["theirs", this.titles[1]], ["both", `Both, ${AS_PART(this.titles[0])} first`], ["common", "As it was before"]];
    const group = el("fieldset", { class: "choices" }, el("legend", {}, "What is to stay here"),
      options.map(([value, title]) => el("label", {}, el("input", { type: "radio", name: `choice-${number}`, value }), title)));
    group.addEventListener("change", (event) => {
      this.chosen.set(number, event.target.value);
      this.changed(this.conflicts - this.chosen.size);
    });
    return group;
  }

  /** Both texts as one. */
  text() {
    const lines = this.stretches.flatMap((s, number) => {
      if (s.kind !== "conflict") return s.kind === "theirs" ? s.theirs : s.mine;
      const chosen = this.chosen.get(number) ?? "mine";
      return chosen === "both" ? [...s.mine, ...s.theirs] : s[chosen];
    });
    return lines.join("\n");
  }
}

function row(number, text, kind) {
  return el("div", { class: `line ${kind}` }, el("span", { class: "at", "aria-hidden": "true" }, String(number)), kind === "is" && el("span", { class: "sr" }, "changed: "), el("code", {}, text || " "));
}
