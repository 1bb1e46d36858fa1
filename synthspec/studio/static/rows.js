// The table of all rows: a window over a list of any length, filters in the address, a row's history in a dialog.
import { chips, history, values } from "/static/row_story.js";
import { count, el, fetchJson, fill, number, openDialog, refused, specUrl, tellError } from "/static/studio.js";

const spec = document.body.dataset.spec;
const LINE = 64; // pixels
const TALLEST = 8_000_000; // pixels of a list: browsers draw nothing below some more
const PAGE = 100;
const at = (id) => document.getElementById(id);
const scroller = at("scroller"), spacer = at("spacer"), lines = at("lines"), story = at("story");

let query = new URLSearchParams(location.search);
let total = 0;
let pages = new Map(); // number of a page -> its rows, or a promise of them
let generation = 0; // of the query: what comes for an earlier one is passed over
let fields = [];
let opening = 0; // rows that were to be opened: an answer about an earlier one is not shown

const filters = () => {
  const own = new URLSearchParams(query);
  own.delete("row");
  return own;
};

/** Ask until the index is there. */
async function ask(base, more = {}) {
  const mine = generation;
  for (;;) {
    const asked = filters();
    for (const [k, v] of Object.entries(more)) asked.set(k, v);
    const answer = await fetchJson(`${specUrl(spec, "", base)}?${asked}`);
    if (mine !== generation) throw new DOMException("passed over", "AbortError");
    if (!answer.error) return answer;
    at("total").textContent = `Indexing the rows, once for this build: ${Math.round(answer.share * 100)} %`;
    await new Promise((done) => setTimeout(done, 400));
  }
}

function load(page) {
  if (pages.has(page)) return pages.get(page);
  const wanted = ask("/api/rows/", { from: page * PAGE, n: PAGE }).then((answer) => {
    pages.set(page, answer.rows);
    total = answer.total;
    fields = answer.fields;
    at("after-reviews").hidden = !answer.reviewed;
    if (answer.building) setTimeout(again, 3000);
    return answer.rows;
  });
  pages.set(page, wanted);
  wanted.catch((error) => {
    pages.delete(page);
    if (error.name !== "AbortError") {
      fill(at("total"), refused(error, "rows"));
      if (error.status !== 404 && !error.body?.maker) tellError(error);
    }
  });
  return wanted;
}

const height = () => Math.min(TALLEST, total * LINE);
const isTall = () => total * LINE > TALLEST;

/** The first row in sight. */
function firstSeen() {
  if (!isTall()) return Math.floor(scroller.scrollTop / LINE);
  const room = height() - scroller.clientHeight;
  const most = total - Math.floor(scroller.clientHeight / LINE);
  return Math.min(most, Math.round((scroller.scrollTop / room) * most));
}

function line(row) {
  const texts = fields.filter((f) => row.values[f] !== null && row.values[f] !== undefined && row.values[f] !== "").map((f) => el("span", {}, el("span", { class: "key" }, `${f} `), row.edited.includes(f) ? el("ins", {}, String(row.values[f])) : String(row.values[f])));
  const why = row.label === "rejected" && row.reason ? [el("span", { class: "why" }, row.reason)] : [];
  const said = texts.length ? [...why, ...texts] : el("span", { class: "soft" }, row.reason || "no value");
  return el("li", { class: "line" }, el("button", { type: "button", data: { path: row.path }, on: { click: () => open(row.path) } },
    el("span", { class: "path" }, row.path), el("span", { class: "texts" }, said), el("span", { class: "chips" }, chips(row))));
}

async function draw() {
  const mine = generation;
  spacer.style.setProperty("height", `${height()}px`);
  const first = Math.max(0, firstSeen() - 6);
  const last = Math.min(total, first + Math.ceil(scroller.clientHeight / LINE) + 14);
  const wanted = [];
  for (let page = Math.floor(first / PAGE); page <= Math.floor(Math.max(first, last - 1) / PAGE); page++) wanted.push(page);
  const held = wanted.every((page) => Array.isArray(pages.get(page)));
  if (!held) {
    try {
      await Promise.all(wanted.map(load));
    } catch {
      return;
    }
    if (mine !== generation) return;
    requestAnimationFrame(draw);
    return;
  }
  const focused = document.activeElement?.dataset?.path;
  const seen = [];
  for (let n = first; n < last; n++) {
    const row = pages.get(Math.floor(n / PAGE))[n % PAGE];
    if (row) seen.push(line(row));
  }
  const top = isTall() ? scroller.scrollTop - (firstSeen() - first) * LINE : first * LINE;
  lines.style.setProperty("transform", `translateY(${Math.max(0, top)}px)`);
  fill(lines, seen);
  if (!total) fill(lines, el("li", { class: "nothing" }, "No row is like that. Clear a filter to see more."));
  if (focused) lines.querySelector(`button[data-path="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function sayTotal() {
  at("total").textContent = `${count(total, "row")}${filters().size ? " like that" : ""}`;
  at("exports").hidden = !total;
}

function again() {
  pages = new Map();
  generation += 1;
  load(0).then(() => {
    sayTotal();
    draw();
  }, () => {});
  countKinds();
}

/** A new query: shown, and put into the address. */
function search(change) {
  change(query);
  for (const [name, value] of [...query]) if (value === "") query.delete(name);
  history_push();
  scroller.scrollTop = 0;
  controls();
  again();
}

function history_push() {
  const text = query.toString();
  globalThis.history.pushState(null, "", text ? `?${text}` : location.pathname);
}

function controls() {
  at("q").value = query.get("q") || "";
  at("sort").value = query.get("sort") || "";
  const chosen = [...filters().keys()].filter((k) => /^[fr]\./.test(k) || k === "rule" || k === "mark").length;
  at("chosen").hidden = !chosen;
  at("chosen").textContent = String(chosen);
  at("clear").hidden = !filters().size;
  for (const form of ["csv", "jsonl"]) {
    const asked = filters();
    asked.set("form", form);
    at(`as-${form}`).href = `${specUrl(spec, "", "/api/rows-export/")}?${asked}`;
  }
}

const pressed = (name, value) => query.getAll(name).includes(value);

function toggled(name, value, many) {
  search((q) => {
    const held = q.getAll(name);
    q.delete(name);
    const kept = held.includes(value) ? held.filter((v) => v !== value) : many ? [...held, value] : [value];
    for (const v of kept) q.append(name, v);
  });
}

const MARKS = { none: "not reviewed", judged: "reviewed", accept: "accepted", edit: "edited", rejected: "rejected", retry: "to be retried", flag: "flagged" };

function choices(title, name, some, many) {
  if (!some.length) return null;
  const rows = some.map((v) => el("label", {}, el("input", { type: "checkbox", checked: pressed(name, v.value), on: { change: () => toggled(name, v.value, many) } }), el("span", {}, v.said || v.value || "(empty)"), el("span", { class: "n" }, v.rows === null ? "" : number(v.rows))));
  const short = rows.slice(0, 8), rest = rows.slice(8);
  const more = rest.length > 0 && el("button", { type: "button", class: "quiet more" }, `${rest.length} more`);
  const set = el("fieldset", {}, el("legend", {}, title), short, more);
  if (more) more.addEventListener("click", () => more.replaceWith(...rest));
  return set;
}

const FEW = 12; // values up to which a column of numbers is a list to choose from

/** A bound in few digits, rounded so that it still takes in every row. */
function outward(value, up) {
  if (Number.isInteger(value)) return String(value);
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2);
  return String(Number(((up ? Math.ceil : Math.floor)(value / unit) * unit).toPrecision(6)));
}

/** From and to, for a column of numbers. */
function range(name, span) {
  const key = `r.${name}`;
  const chosen = (query.get(key) || "..").split("..");
  const bounds = ["from", "to"].map((word, end) => {
    const input = el("input", { type: "number", step: "any", inputmode: "decimal", placeholder: span ? outward(end ? span.most : span.least, end) : "", "aria-label": `${name} ${word}`, data: { bound: `${end}${name}` } });
    input.value = chosen[end] || "";
    const take = () => {
      if (!input.validity.valid) return input.reportValidity();
      if (input.value === (chosen[end] || "")) return;
      chosen[end] = input.value;
      search((q) => q.set(key, chosen.some(Boolean) ? chosen.join("..") : ""));
    };
    input.addEventListener("change", take);
    input.addEventListener("keydown", (event) => event.key === "Enter" && take()); // also what was typed before the list was drawn anew
    return el("label", {}, el("span", {}, word), input);
  });
  return el("fieldset", { class: "range" }, el("legend", {}, name), bounds);
}

/** A list for each column of few values, a range for each of numbers. */
function columns(found) {
  const names = new Set([...Object.keys(found.facets), ...Object.keys(found.numbers), ...[...query.keys()].filter((k) => k.startsWith("r.")).map((k) => k.slice(2))]);
  return [...names].map((name) => {
    const some = found.facets[name] || [], span = found.numbers[name];
    const listed = some.length > 0 && (!span || some.length <= FEW || query.has(`f.${name}`));
    const ranged = query.has(`r.${name}`) || (span && !listed && span.least < span.most);
    return [listed && choices(name, `f.${name}`, some, true), ranged && range(name, span)];
  });
}

/** The orders that rows can be shown in: by each column too, once these are known. */
function orders(found) {
  const names = Object.keys({ ...found.numbers, ...found.facets }).filter((n) => n !== "tries");
  const select = at("sort"), known = new Set([...select.options].map((o) => o.value));
  for (const name of names) if (!known.has(name)) select.append(el("option", { value: name }, `By ${name}`));
  select.value = query.get("sort") || "";
}

async function countKinds() {
  let found;
  try {
    found = await ask("/api/facets/");
  } catch (error) {
    if (error.name !== "AbortError") fill(at("facet-lists"), error.body?.maker ? null : el("p", { class: "soft small" }, error.help || error.message));
    return;
  }
  if (Array.isArray(pages.get(0))) sayTotal();
  const focus = document.activeElement;
  const label = focus?.closest?.(".facets, .states") ? focus.parentElement?.textContent : null;
  const bound = focus?.dataset?.bound, typed = bound && focus.value;
  const all = found.states.reduce((sum, s) => sum + s.rows, 0);
  fill(at("states"), [{ state: "", said: "all", rows: all }, ...found.states].map((s) =>
    el("button", { type: "button", "aria-pressed": String((query.get("state") || "") === s.state), on: { click: () => search((q) => q.set("state", s.state)) } }, s.said, el("span", { class: "n" }, number(s.rows)))));
  const marks = [{ value: "none", rows: null }, ...Object.entries(found.marks).map(([value, rows]) => ({ value, rows }))];
  fill(at("facet-lists"),
    choices("Review", "mark", marks.filter((m) => MARKS[m.value]).map((m) => ({ ...m, said: MARKS[m.value] })), false),
    columns(found),
    choices("Rejected by", "rule", found.rules, false));
  orders(found);
  if (bound) {
    const input = [...document.querySelectorAll(".range input")].find((i) => i.dataset.bound === bound);
    if (input) input.value = typed; // it may not be done
    input?.focus();
  }
  else if (label) [...document.querySelectorAll(".facets label, .states")].find((l) => l.textContent === label)?.querySelector("input, button")?.focus();
}

async function open(path, push = true) {
  const mine = ++opening;
  let row;
  try {
    row = await fetchJson(`${specUrl(spec, "", "/api/row/")}?path=${encodeURIComponent(path)}`);
  } catch (error) {
    tellError(error);
    return;
  }
  if (mine !== opening) return;
  if (push) {
    query.set("row", path);
    history_push();
  }
  const close = el("button", { type: "button", class: "quiet close", "aria-label": "Close", on: { click: () => story.close() } }, "×");
  const review = row.state === "kept" && el("a", { class: "button", href: `${specUrl(spec, "review")}?row=${encodeURIComponent(path)}` }, "Review it");
  fill(story,
    el("div", { class: "bar" }, el("h2", { id: "story-title" }, `Row ${row.path}`), chips(row), el("span", { class: "grow" }), close, el("span", { class: "break" }), el("button", { type: "button", on: { click: () => step(path, -1) } }, "Previous"), el("button", { type: "button", on: { click: () => step(path, 1) } }, "Next"), review),
    el("div", { class: "body" }, el("section", {}, el("h3", {}, "Its values"), values(row)), history(row)));
  if (!story.open) {
    openDialog(story);
    story.addEventListener("close", () => {
      opening += 1;
      if (!query.has("row")) return; // closed by going back: the address has it already
      query.delete("row");
      history_push();
    }, { once: true });
  }
  story.scrollTop = 0;
}

/** The row before or after one in the list. */
async function step(path, by) {
  for (const [page, rows] of pages) {
    if (!Array.isArray(rows)) continue;
    const n = rows.findIndex((r) => r.path === path);
    if (n < 0) continue;
    const place = page * PAGE + n + by;
    if (place < 0 || place >= total) return;
    const other = (await load(Math.floor(place / PAGE)))[place % PAGE];
    if (other) await open(other.path);
    return;
  }
}

let frame = 0;
scroller.addEventListener("scroll", () => {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(draw);
});
addEventListener("resize", draw);
at("find").addEventListener("submit", (event) => {
  event.preventDefault();
  search((q) => q.set("q", at("q").value.trim()));
});
let typing = 0;
at("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => at("q").value.trim() !== (query.get("q") || "") && search((q) => q.set("q", at("q").value.trim())), 350);
});
at("sort").addEventListener("change", () => search((q) => q.set("sort", at("sort").value)));
at("clear").addEventListener("click", () => search((q) => [...q.keys()].forEach((k) => q.delete(k))));
story.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const path = query.get("row");
  if (event.key === "j" || event.key === "ArrowRight") step(path, 1);
  if (event.key === "k" || event.key === "ArrowLeft") step(path, -1);
});
addEventListener("popstate", () => {
  query = new URLSearchParams(location.search);
  controls();
  opening += 1;
  if (query.get("row")) open(query.get("row"), false);
  else story.close();
  again();
});

if (matchMedia("(max-width: 860px)").matches) at("facets").open = false;
controls();
again();
if (query.get("row")) open(query.get("row"), false);
