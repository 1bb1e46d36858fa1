// One row and how it came about: used by the table of rows and by the review.
import { dollars, duration, el, number } from "/static/studio.js";

export const STATES = { kept: "kept", rejected: "rejected by a reviewer", missing: "quarantined", dropped: "dropped", empty: "empty" };
const TONES = { kept: "good", rejected: "bad", missing: "bad", dropped: "warn", empty: "" };
const VERBS = { accept: ["accepted", "good"], edit: ["edited", "busy"], retry: ["to be retried", "warn"], reject: ["rejected", "bad"] };

/** The chips that say what became of a row. */
export function chips(row) {
  const found = [];
  const review = row.review;
  if (row.label !== "kept" || !review || !review.verb) found.push(el("span", { class: `chip ${TONES[row.label]}` }, row.label === "rejected" ? "rejected" : STATES[row.label]));
  if (review && review.verb && review.verb !== "reject") found.push(el("span", { class: `chip ${VERBS[review.verb][1]}` }, VERBS[review.verb][0]));
  if (review && review.flagged) found.push(el("span", { class: "chip warn" }, "flagged"));
  return found;
}

/** A value as people read it: a conversation as a talk, all else as text. */
export function shown(value, talk = false) {
  if (value === null || value === undefined) return el("span", { class: "soft" }, "nothing");
  if (talk && Array.isArray(value)) return messages(value.map((m) => ({ role: m.role, text: m.content ?? "", calls: m.tool_calls })));
  if (typeof value === "string") return value;
  if (typeof value === "object") return el("pre", {}, JSON.stringify(value, null, 2));
  return String(value);
}

/** Messages, each with who says it. */
export function messages(list) {
  return el("ol", { class: "talk" }, list.map((m) => el("li", { class: m.role }, el("span", { class: "who" }, m.role), el("span", { class: "words" }, m.text), m.calls && el("pre", {}, JSON.stringify(m.calls, null, 2)))));
}

/** The values of a row, with what an edit put in their place. */
export function values(row) {
  const patch = row.changed || {};
  const talks = new Set(row.talks || []);
  return el("dl", { class: "value-list" }, Object.entries(row.values).flatMap(([name, value]) => [
    el("dt", {}, name),
    el("dd", {}, name in patch ? [el("del", {}, shown(value, talks.has(name))), el("ins", {}, shown(patch[name], talks.has(name)))] : shown(value, talks.has(name))),
  ]));
}

function call(one, last) {
  const said = one.used ? el("span", { class: "chip good" }, "used") : one.reasons.length ? el("span", { class: "chip bad" }, "rejected") : el("span", { class: "chip" }, "not used");
  const tokens = one.prompt_tokens === null || one.completion_tokens === null ? "tokens unknown" : `${number(one.prompt_tokens + one.completion_tokens)} tokens`;
  return el("details", { class: "call", open: last || one.reasons.length > 0 },
    el("summary", {}, el("strong", {}, one.prompt), `attempt ${one.attempt}`, said, el("span", { class: "soft small" }, `${one.model || "unknown model"} · ${tokens} · ${dollars(one.cost)} · ${duration(one.latency)}`)),
    el("div", { class: "inside" },
      one.messages.length ? messages(one.messages) : el("p", { class: "soft" }, "The request cannot be read any more."),
      messages([{ role: "assistant", text: one.reply }]),
      one.reasons.length > 0 && el("div", { class: "said-box bad" }, el("p", { class: "small soft" }, "Why it was rejected"), el("ul", {}, one.reasons.map((r) => el("li", {}, r))))));
}

/** Where in a file: its line, the row that a spreadsheet shows, or the row's number. */
function place(p) {
  const line = p.line && `line ${number(p.line)}`;
  const sheet = p.sheet && p.sheet !== p.line && `row ${number(p.sheet)} in a spreadsheet`;
  return `, ${[line, sheet].filter(Boolean).join(", ") || `row ${number(p.row)} of ${number(p.rows)}`}`;
}

const words = (text) => text.split(/(\s+)/);

/** Two texts, with the words that they have in common marked. */
function compared(text, other) {
  const held = new Set(words(other.toLowerCase()));
  return words(text).map((w) => (w.trim() && held.has(w.toLowerCase()) ? el("mark", {}, w) : w));
}

const textOf = (row) => Object.values(row.values).filter((v) => typeof v === "string").join("\n\n");

/** Everything there is to say of a row but its values. */
export function history(row) {
  const parts = [];
  if (row.reason) parts.push(el("section", {}, el("h3", {}, row.label === "rejected" ? "Why a review takes it out" : "Why it is not in the dataset"), el("div", { class: "said-box bad" }, row.stage && el("p", { class: "small soft" }, row.stage), el("p", {}, row.reason))));
  const log = (row.review && row.review.log) || [];
  if (log.length) {
    parts.push(el("section", {}, el("h3", {}, "What reviewers say"), el("ul", {}, log.map((r) => el("li", {}, `${r.reviewer}: ${r.verb}${r.reason ? `, ${r.reason}` : ""}`)))));
  }
  parts.push(el("section", {}, el("h3", {}, row.calls.length === 1 ? "The call that made it" : "The calls that made it"), row.calls.length ? row.calls.map((c, n) => call(c, n === row.calls.length - 1)) : el("p", { class: "soft" }, "No call was made for it, or the store does not hold them any more.")));
  if (row.near.length) {
    parts.push(el("section", {}, el("h3", {}, row.near.length === 1 ? "What a rejected attempt was too like" : "What rejected attempts were too like"), row.near.map((one) => [
      el("p", { class: "small soft" }, `Attempt ${one.attempt} of ${one.prompt}, beside row ${one.path}: it has ${Math.round(one.share * 100)} % of that row's words and pairs of words`),
      el("div", { class: "beside" }, el("div", {}, compared(one.reply, one.text)), el("div", {}, compared(one.text, one.reply))),
    ])));
  }
  if (row.like.length) {
    parts.push(el("section", {}, el("h3", {}, row.repeats ? "What it was too like" : "The rows before it that are most like it"), row.like.map((other) => [
      el("p", { class: "small soft" }, `Row ${other.path}: ${Math.round(other.share * 100)} % of their words and pairs of words in common`),
      el("div", { class: "beside" }, el("div", {}, compared(textOf(row), textOf(other))), el("div", {}, compared(textOf(other), textOf(row)))),
    ])));
  }
  const where = row.places.map((p) => el("li", {}, el("code", {}, p.file), place(p)));
  if (where.length) parts.push(el("section", {}, el("h3", {}, "Where it is"), el("ul", { class: "place" }, where)));
  return parts;
}
