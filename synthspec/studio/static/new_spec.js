// A new spec: from data, which is looked at first; from an example; from building blocks.
import { count, el, fetchJson, fill, number, sentence, specUrl, tellError } from "/static/studio.js";

const at = (id) => document.getElementById(id);
const DELIMITERS = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar" };
const MOST_SHOWN = 8; // renamed columns
const ENCODINGS = ["utf-8", "cp1252", "utf-16", "latin-1", "iso-8859-15", "cp1250", "cp1251", "shift_jis", "gb18030", "big5", "euc-kr"];
let offers = null;
let offering = null; // the request for them
let asked = null; // what the spec is made from
let turn = 0;

async function open() {
  at("new").hidden = false;
  at("new-open").setAttribute("aria-expanded", "true");
  at("new-title").focus();
  if (!offering) offering = showOffers().catch((error) => {
    offering = null;
    tellError(error);
  });
  await offering;
}

async function showOffers() {
  offers = await fetchJson("/api/new/offers");
  fill(at("example"), offers.examples.map((e) => el("option", { value: e.name }, e.name.replaceAll("_", " "))));
  tellExample();
  at("blocks").append(...offers.blocks.map((b) => el("label", { class: "block", title: b.description }, el("input", { type: "checkbox", value: b.name }), el("span", {}, b.name.replaceAll("_", " "), el("span", { class: "soft small" }, ` ${b.parameters.slice(0, 5).join(", ")}${b.parameters.length > 5 ? " …" : ""}`)))));
}

function close() {
  turn += 1;
  at("new").hidden = true;
  at("new-open").setAttribute("aria-expanded", "false");
  back();
  at("new-open").focus();
}

function back() {
  turn += 1;
  asked = null;
  at("ways").hidden = false;
  at("look").hidden = at("name-form").hidden = true;
  at("file").value = "";
}

function tellExample() {
  const found = offers.examples.find((e) => e.name === at("example").value);
  at("example-about").textContent = found ? found.description : "";
}

function askName(from, suggestion) {
  asked = from;
  at("name").value = suggestion;
  at("name-form").hidden = false;
  at("make").disabled = false;
}

const asName = (text) => text.replace(/\.[^.]*$/, "").normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "").toLowerCase() || "dataset";

// --- data

async function take(file) {
  if (!file) return;
  open();
  const mine = ++turn;
  at("ways").hidden = true;
  at("look").hidden = false;
  fill(at("look"), el("p", { class: "soft", role: "status" }, `Reading ${file.name} …`));
  try {
    const { data } = await fetchJson(`/api/new/data?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    if (mine === turn) await lookInto(data, file.name, {});
  } catch (error) {
    if (mine === turn) fill(at("look"), refused(error), el("button", { type: "button", on: { click: back } }, "Choose another file"));
  }
}

const refused = (error) => el("div", { class: "said-box bad", role: "alert" }, el("p", {}, sentence(error.message)), error.help && el("p", { class: "soft" }, sentence(error.help)));

async function lookInto(data, name, reading) {
  const mine = ++turn;
  at("make").disabled = true;
  let found = null;
  let wrong = null;
  try {
    found = await fetchJson(`/api/new/data/${data}`, { body: reading });
  } catch (error) {
    if (!error.status) return tellError(error);
    wrong = error;
  }
  if (mine !== turn) return;
  const again = (key, value) => lookInto(data, name, { ...reading, [key]: value });
  const text = found ? "encoding" in found : /\.(csv|tsv)$/i.test(name);
  fill(at("look"), el("h3", {}, name), text && readingOf(found || reading, again), wrong ? refused(wrong) : proposal(found));
  if (wrong) fillBack();
  else askName({ from: "data", data, reading }, at("name-form").hidden ? asName(name) : at("name").value);
}

function fillBack() {
  at("name-form").hidden = true;
  at("look").append(el("button", { type: "button", on: { click: back } }, "Choose another file"));
}

/** How the file was read, to be corrected. */
function readingOf(found, again) {
  const option = (value, shown, chosen) => el("option", { value, selected: value === chosen }, shown);
  const delimiter = found.delimiter;
  const encoding = found.encoding || "";
  const listed = ENCODINGS.includes(encoding) || !encoding ? ENCODINGS : [encoding, ...ENCODINGS];
  return el("div", { class: "row reading" },
    "delimiter" in found || !found.file ? el("label", {}, el("span", { class: "label" }, "Values are separated by"), el("select", { on: { change: (e) => again("delimiter", e.target.value) } },
      !delimiter && option("", "choose …", ""), Object.entries(DELIMITERS).map(([d, word]) => option(d === "\t" ? "tab" : d, word, delimiter === "\t" ? "tab" : delimiter)))) : null,
    el("label", {}, el("span", { class: "label" }, found.guessed ? "Encoding (a guess)" : "Encoding"), el("select", { on: { change: (e) => again("encoding", e.target.value) } },
      !encoding && option("", "found out", ""), listed.map((e) => option(e, e, encoding)))));
}

function proposal(found) {
  const renamed = found.columns.filter((c) => c.name !== c.header);
  const share = (part) => (part ? `${part < 0.01 ? "<1" : Math.round(part * 100)}% missing` : "");
  return [
    found.rows !== undefined && el("p", {}, `${count(found.rows, "row")}, ${count(found.columns.length, "column")}.`, found.left_out.length ? ` ${found.left_out.join(" ")}` : ""),
    found.notes?.length ? el("div", { class: "said-box warn" }, found.notes.map((n) => el("p", {}, sentence(`The file ${n}`)))) : null,
    renamed.length ? el("div", { class: "said-box" }, el("p", {}, `${count(renamed.length, "column")} ${renamed.length === 1 ? "gets another name" : "get other names"}: a name is a letter or _, then letters, digits and _.`),
      el("ul", { class: "renamed" }, renamed.slice(0, MOST_SHOWN).map((c) => el("li", {}, c.header || "(no name)", " becomes ", el("code", {}, c.name)))),
      renamed.length > MOST_SHOWN && el("p", { class: "soft small" }, `and ${number(renamed.length - MOST_SHOWN)} more`)) : null,
    found.columns.length ? el("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Columns of the file" }, el("table", { class: "columns" },
      el("thead", {}, el("tr", {}, ["Column", "Holds", "In the new dataset", "For example"].map((h) => el("th", { scope: "col" }, h)))),
      el("tbody", {}, found.columns.map((c) => el("tr", {}, el("th", { scope: "row" }, c.header, c.name !== c.header && el("span", { class: "soft small under" }, "named ", el("code", {}, c.name))), el("td", {}, c.kind, el("span", { class: "soft small under" }, [c.distinct > 1 && `${number(c.distinct)} different`, share(c.missing)].filter(Boolean).join(", "))),
        el("td", {}, c.becomes, el("span", { class: "soft small under" }, c.said)), el("td", { class: "soft examples" }, c.examples.join(" · "))))))) : null,
    found.words?.length ? el("details", {}, el("summary", {}, "What these words mean"), el("dl", { class: "words" }, found.words.map(([word, meaning]) => [el("dt", {}, word), el("dd", {}, sentence(meaning))]))) : null,
    found.first?.rows.length ? el("details", {}, el("summary", {}, "The first rows as they were read"), el("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "First rows" }, el("table", {}, el("thead", {}, el("tr", {}, found.first.names.map((n) => el("th", { scope: "col" }, n)))), el("tbody", {}, found.first.rows.map((r) => el("tr", {}, r.map((v) => el("td", {}, v === null ? "–" : v)))))))) : null,
    el("details", {}, el("summary", {}, "The spec that will be made"), el("pre", { class: "code", tabindex: "0" }, found.yaml)),
  ];
}

// --- making it

async function make(event) {
  event.preventDefault();
  at("make").disabled = true;
  try {
    const { spec } = await fetchJson("/api/new", { body: { name: at("name").value, ...asked } });
    location.assign(specUrl(spec, document.body.dataset.pages.split(" ").includes("edit") && asked.from !== "data" ? "edit" : "run"));
  } catch (error) {
    at("make").disabled = false;
    tellError(error);
    at("name").focus();
  }
}

at("new-open").addEventListener("click", () => (at("new").hidden ? open() : close()));
at("new-close").addEventListener("click", close);
at("back").addEventListener("click", back);
at("example").addEventListener("change", tellExample);
at("take-example").addEventListener("click", () => {
  at("ways").hidden = true;
  askName({ from: "example", example: at("example").value }, at("example").value);
  at("name").select();
});
at("take-blocks").addEventListener("click", () => {
  const chosen = [...at("blocks").querySelectorAll("input:checked")].map((i) => i.value);
  at("ways").hidden = true;
  askName(chosen.length ? { from: "library", blocks: chosen } : { from: "blank" }, "dataset");
  at("name").select();
});
at("file").addEventListener("change", () => take(at("file").files[0]));
at("name-form").addEventListener("submit", make);
for (const name of ["dragenter", "dragover"]) addEventListener(name, (event) => {
  if (![...(event.dataTransfer?.types || [])].includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});
if (location.hash === "#new" || !document.querySelector("#specs > li")) open();
