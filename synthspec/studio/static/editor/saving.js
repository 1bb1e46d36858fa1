// Saving without loss: over what the text began from and nothing else, with drafts that outlive a crash.
import { count, el, fetchJson, fill, notify, openDialog, specUrl, StudioError, tellError } from "/static/studio.js";
import { replaceText } from "/static/editor/code.js";
import { Comparison } from "/static/editor/differences.js";

const LOOK = 4000; // milliseconds between two looks at the file

/** The text of a spec between the editor, its drafts and the disk. `told(state)` is told how it stands. */
export class Saving {
  constructor(spec, told) {
    this.spec = spec;
    this.told = told;
    this.tab = tabName();
    this.gone = false;
    this.address = specUrl(spec, "", "/api/text/");
    this.drafts = specUrl(spec, "", "/api/drafts/");
  }

  /** Read the file. */
  async load() {
    this.base = await fetchJson(this.address);
    this.noticed = this.base.digest;
    return this.base.text;
  }

  /** Begin: the editor is there. */
  begin(view) {
    this.view = view;
    this.tell();
    setInterval(() => document.hidden || this.look(), LOOK);
    addEventListener("focus", () => this.look());
    addEventListener("pagehide", () => this.keep(true));
  }

  get text() {
    return this.view.state.doc.toString();
  }

  get changed() {
    return this.gone || this.text !== this.base.text;
  }

  tell() {
    const { read_only: locked } = this.base;
    this.told({ changed: this.changed, gone: this.gone, locked, text: this.gone ? "The file is gone" : this.changed ? "Not saved" : locked ? "May only be read" : "Saved" });
  }

  /** The text is another: keep it as a draft, in this browser at once, beside the specs a little later. */
  edited() {
    this.tell();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), 400);
  }

  async keep(leaving = false) {
    clearTimeout(this.timer);
    if (!this.view) return;
    const draft = { tab: this.tab, text: this.text, base: this.base.text, base_digest: this.base.digest };
    if (!this.changed) {
      if (this.kept) await this.forget(this.tab);
      return;
    }
    try {
      localStorage.setItem(`synthspec draft ${this.spec} ${this.tab}`, JSON.stringify({ ...draft, saved: Date.now() / 1000 }));
    } catch {
      // a browser that stores nothing, or no more
    }
    if (this.kept === draft.text) return;
    try {
      await fetch(this.drafts, { method: "PUT", keepalive: leaving && draft.text.length < 20000, headers: { "content-type": "application/json" }, body: JSON.stringify(draft) });
      this.kept = draft.text;
    } catch {
      // the studio is away; the browser has it
    }
  }

  /** Forget a draft: it is saved, or not wanted. */
  async forget(tab) {
    if (tab === this.tab) this.kept = null;
    try {
      localStorage.removeItem(`synthspec draft ${this.spec} ${tab}`);
      await fetchJson(`${this.drafts}?tab=${encodeURIComponent(tab)}`, { method: "DELETE" });
    } catch (error) {
      if (!(error instanceof StudioError) || error.status) tellError(error);
    }
  }

  /** Drafts that hold something else than the file, the newest first: those of this tab, and of tabs that are closed. */
  async found() {
    const drafts = new Map();
    const add = (d) => {
      if (typeof d?.text === "string" && (!drafts.has(d.tab) || drafts.get(d.tab).saved < d.saved)) drafts.set(d.tab, d);
    };
    for (const d of (await fetchJson(this.drafts)).drafts) add(d);
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(`synthspec draft ${this.spec} `)) add(JSON.parse(localStorage.getItem(key)));
    } catch {
      // nothing stored that can be read
    }
    const open = await openTabs(this.spec, () => this.tab);
    if (open.has(this.tab)) this.tab = tabName(true);
    return [...drafts.values()].filter((d) => d.text !== this.base.text && !open.has(d.tab)).sort((a, b) => b.saved - a.saved);
  }

  /** Take a draft into the editor, with the text that it began from, so that a conflict is shown and not made. */
  async restore(draft) {
    replaceText(this.view, draft.text);
    if (draft.base_digest !== this.base.digest) {
      this.base = { ...this.base, text: draft.base, digest: draft.base_digest };
      this.noticed = this.base.digest;
    }
    this.tell();
    await this.keep();
    if (draft.tab !== this.tab) await this.forget(draft.tab);
  }

  /** Save the text, over the text that it began from. Asked for while it is being saved, what changed is saved after. */
  async save() {
    if (this.saving) return this.asking ? this.saving : this.saving.then(() => (this.changed ? this.save() : true));
    this.saving = this.put({ "if-match": `"${this.base.digest}"` }).finally(() => (this.saving = null));
    return this.saving;
  }

  async put(headers) {
    const text = this.text;
    try {
      this.base = await fetchJson(this.address, { method: "PUT", headers, body: { text } });
    } catch (error) {
      await this.keep();
      if (error.status === 409 && "theirs" in error.body) return this.conflict(error);
      tellError(error);
      return false;
    }
    this.noticed = this.base.digest;
    this.gone = false;
    this.notice?.remove();
    this.tell();
    if (!this.changed) await this.forget(this.tab);
    return true;
  }

  /** Look whether another program changed the file. */
  async look() {
    if (this.saving || this.asking) return;
    let now;
    try {
      const answer = await fetch(this.address, { headers: { "if-none-match": `"${this.noticed}"` } });
      if (answer.status === 304) return;
      now = await answer.json();
      if (answer.status === 404) {
        if (!this.gone) this.lost(now);
        return;
      }
      if (!answer.ok) return;
    } catch {
      return;
    }
    if (this.saving || now.digest === this.noticed) return;
    if (!this.changed || this.text === now.text) {
      this.base = now;
      replaceText(this.view, now.text);
      notify("The file was changed by another program: this is its text now.");
    } else {
      notify("The file was changed by another program.", { help: "your text is kept; saving it shows both" });
    }
    this.noticed = now.digest;
    this.tell();
  }

  lost(told) {
    this.gone = true;
    this.renamed = told.renamed;
    this.tell();
    this.keep();
    this.notice = notify(told.error, { help: told.help, kind: "error" });
  }

  async conflict(error) {
    const { theirs, renamed } = error.body;
    this.asking = true;
    try {
      return theirs === null ? await this.askGone(error, renamed) : await this.askThree(error, theirs);
    } finally {
      this.asking = false;
    }
  }

  async askGone(error, renamed) {
    const chosen = await choose({
      title: "The file is no longer there", text: error.help || "It was deleted or renamed.",
      buttons: [["stay", "Go on editing"], renamed && ["open", `Open ${renamed}`], ["write", "Save it anew", "primary"]],
    });
    if (chosen === "write") return this.put({ "if-none-match": "*" });
    if (chosen === "open") {
      const other = specUrl(renamed, "", "/api/drafts/");
      await fetchJson(other, { method: "PUT", body: { tab: this.tab, text: this.text, base: this.base.text, base_digest: this.base.digest } });
      location.assign(specUrl(renamed, "edit"));
    }
    return false;
  }

  async askThree(error, theirs) {
    const mine = this.text;
    const both = await fetchJson(specUrl(this.spec, "", "/api/merge/"), { body: { common: this.base.text, mine, theirs: theirs.text } });
    const merge = el("button", { value: "both", class: "primary" }, "Merge both");
    const shown = new Comparison(both.stretches, ["Your text", "The file"], { choose: true, changed: (left) => {
      merge.disabled = left > 0;
      merge.title = left ? "choose at each place that both changed" : "";
    } });
    const chosen = await choose({
      title: "The file was changed meanwhile", large: true,
      text: both.merged === null ? `You and another program changed the same lines, at ${count(shown.conflicts, "place")}. Choose there what is to stay, and merge; or take one text whole. Nothing is saved until then.`
        : "You and another program changed different lines, so both can be kept.",
      more: [shown.element, el("details", {}, el("summary", {}, "The three texts"), el("div", { class: "three" },
        whole("Your text", mine), whole("The file on the disk", theirs.text), whole("Where both began", this.base.text)))],
      buttons: [["stay", "Go on editing"], ["theirs", "Take the one on the disk"], ["mine", "Save mine over it"], merge],
    });
    this.asking = false;
    const remember = (text, tab) => fetchJson(this.drafts, { method: "PUT", body: { tab, text, base: this.base.text, base_digest: this.base.digest } });
    if (chosen === "both" || chosen === "theirs") {
      if (chosen === "theirs") await remember(mine, newName());
      this.base = theirs;
      this.noticed = theirs.digest;
      replaceText(this.view, chosen === "both" ? shown.text() : theirs.text);
      this.tell();
      if (chosen === "theirs") {
        await this.forget(this.tab);
        notify("This is the text on the disk; yours is kept as a draft.");
        return true;
      }
      notify("Both edits are in the text. Read it, then save it.");
      await this.keep();
      return false;
    }
    if (chosen === "mine") {
      await remember(theirs.text, newName());
      return this.put({ "if-match": `"${theirs.digest}"` });
    }
    return false;
  }
}

function whole(title, text) {
  return el("section", {}, el("h3", {}, title), el("pre", { tabindex: "0", "aria-label": `${title}: the text` }, text));
}

/** A dialog with buttons of its own: the name of the one that was chosen, "stay" where it was closed. */
export function choose({ title, text, more, buttons, large = false }) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: large && "large texts", "aria-labelledby": "choose-title" }, el("h2", { id: "choose-title" }, title), el("p", {}, text), more,
      el("form", { method: "dialog", class: "buttons" }, buttons.filter(Boolean).map((button) => (button instanceof Node ? button : el("button", { value: button[0], class: button[2] }, button[1])))));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue || "stay");
      dialog.remove();
    });
    document.body.append(dialog);
    openDialog(dialog);
  });
}

/** Offer drafts that were found. */
export async function offerDrafts(saving, bar) {
  const [newest, ...older] = await saving.found();
  if (!newest) return;
  const when = new Date(newest.saved * 1000).toLocaleString();
  const end = () => bar.replaceChildren();
  fill(bar, el("div", { class: "draft", role: "alert" },
    el("p", {}, `There is a draft of ${when} that was not saved${older.length ? `, and ${older.length} older` : ""}.`),
    el("div", { class: "row" },
      el("button", { type: "button", class: "primary", on: { click: async () => { end(); await saving.restore(newest); saving.view.focus(); } } }, "Restore the draft"),
      el("button", { type: "button", on: { click: async () => {
        const both = await fetchJson(specUrl(saving.spec, "", "/api/merge/"), { body: { common: saving.base.text, mine: newest.text, theirs: saving.base.text } });
        await choose({ title: "The draft and the file", text: `The draft is of ${when}.`, large: true, more: new Comparison(both.stretches, ["The draft", "The file"]).element, buttons: [["stay", "Close"]] });
      } } }, "Look at it"),
      el("button", { type: "button", class: "quiet", on: { click: async () => { end(); await saving.forget(newest.tab); await offerDrafts(saving, bar); } } }, "Discard it"))));
}

function tabName(another = false) {
  try {
    const known = sessionStorage.getItem("synthspec tab");
    if (known && !another) return known;
    const made = newName();
    sessionStorage.setItem("synthspec tab", made);
    return made;
  } catch {
    return newName();
  }
}

const newName = () => [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => (byte % 36).toString(36)).join("");

const instance = newName(); // of this page: a tab that is duplicated has the same name until it looks

/** The names of the other tabs of this browser that have the same spec open. `own()` is this one's. */
function openTabs(spec, own) {
  const found = new Set();
  if (!("BroadcastChannel" in window)) return found;
  const channel = new BroadcastChannel(`synthspec ${spec}`);
  channel.addEventListener("message", ({ data }) => {
    if (data.ask) channel.postMessage({ here: own(), instance });
    else if (data.instance !== instance) found.add(data.here);
  });
  channel.postMessage({ ask: true });
  return new Promise((resolve) => setTimeout(() => resolve(found), 120));
}
