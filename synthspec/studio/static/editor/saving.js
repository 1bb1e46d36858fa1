// Saving without loss: over what the text began from and nothing else, with drafts that outlive a crash.
import { choose, count, el, fetchJson, notify, specUrl, StudioError, tellError } from "/static/studio.js";
import { replaceText } from "/static/editor/code.js";
import { Comparison } from "/static/editor/differences.js";
import { claimTab, draftName, newName, openTabs, tabName } from "/static/editor/drafts.js";

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
    if (!this.changed) return this.forget(this.tab, () => this.kept);
    const draft = this.draft(this.text);
    try {
      localStorage.setItem(draftName(this.spec, this.tab), JSON.stringify({ ...draft, saved: Date.now() / 1000 }));
    } catch {
      // a browser that stores nothing, or no more
    }
    const put = async () => {
      if (this.kept === draft.text) return;
      try {
        await fetchJson(this.drafts, { method: "PUT", body: draft, keepalive: leaving && draft.text.length < 20000 });
        this.kept = draft.text;
      } catch {
        // the studio is away; the browser has it
      }
    };
    await (leaving ? put() : this.inTurn(put));
  }

  /** A text as a draft of a tab, with the text that it began from. */
  draft(text, tab = this.tab) {
    return { tab, text, base: this.base.text, base_digest: this.base.digest };
  }

  /** Requests about drafts go one after another: a draft that was forgotten is not stored by a request that was slower. */
  inTurn(request) {
    this.turn = (this.turn ?? Promise.resolve()).then(request);
    return this.turn;
  }

  /** Forget a draft: it is saved, or not wanted. `stored()`: whether there may be one beside the specs. */
  async forget(tab, stored = () => true) {
    try {
      localStorage.removeItem(draftName(this.spec, tab));
    } catch {
      // a browser that stores nothing
    }
    await this.inTurn(async () => {
      if (!stored()) return;
      if (tab === this.tab) this.kept = null;
      try {
        await fetchJson(`${this.drafts}?tab=${encodeURIComponent(tab)}`, { method: "DELETE" });
      } catch (error) {
        if (!(error instanceof StudioError) || error.status) tellError(error);
      }
    });
  }

  /** Drafts that hold something else than the file, the newest first: those of this tab, and of tabs that are closed. */
  async found() {
    this.claimed ??= claimTab(this.spec, this.tab);
    this.tab = await this.claimed;
    const drafts = new Map();
    const add = (d) => {
      if (typeof d?.text === "string" && (!drafts.has(d.tab) || drafts.get(d.tab).saved < d.saved)) drafts.set(d.tab, d);
    };
    for (const d of (await fetchJson(this.drafts)).drafts) add(d);
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(draftName(this.spec, ""))) add(JSON.parse(localStorage.getItem(key)));
    } catch {
      // nothing stored that can be read
    }
    const open = await openTabs(this.spec);
    return [...drafts.values()].filter((d) => d.text !== this.base.text && (d.tab === this.tab || !open.has(d.tab))).sort((a, b) => b.saved - a.saved);
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
      if (answer.status === 304) return this.back();
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
    this.back();
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

  /** The file is there, whether it was gone or not. */
  back() {
    if (!this.gone || this.saving) return;
    this.gone = false;
    this.notice?.remove();
    this.edited();
  }

  async conflict(error) {
    const { theirs, renamed } = error.body;
    this.asking = true;
    try {
      return theirs === null ? await this.askGone(error, renamed) : await this.askThree(theirs);
    } finally {
      this.asking = false;
    }
  }

  async askGone(error, renamed) {
    const chosen = await this.chosen({
      title: "The file is no longer there", text: error.help || "It was deleted or renamed.",
      buttons: [["stay", "Go on editing"], renamed && ["open", `Open ${renamed}`], ["write", "Save it anew", "primary"]],
    });
    if (chosen === "write") return this.put({ "if-none-match": "*" });
    if (chosen === "open") {
      const other = specUrl(renamed, "", "/api/drafts/");
      await fetchJson(other, { method: "PUT", body: this.draft(this.text) });
      location.assign(specUrl(renamed, "edit"));
    }
    return false;
  }

  /** What a person chose. From then on the text may be saved again: it is no longer asked about. */
  async chosen(question) {
    const chosen = await choose(question);
    this.asking = false;
    return chosen;
  }

  /** The editor's text and another in one; what is typed before the answer comes is in it too. */
  async merged(theirs) {
    for (;;) {
      const mine = this.text;
      const both = await fetchJson(specUrl(this.spec, "", "/api/merge/"), { body: { common: this.base.text, mine, theirs } });
      if (mine === this.text) return { mine, both };
    }
  }

  /** Keep the text as a draft beside this tab's own, also what is typed meanwhile. */
  async setAside() {
    const tab = newName();
    let kept;
    do {
      kept = this.text;
      await fetchJson(this.drafts, { method: "PUT", body: this.draft(kept, tab) });
    } while (kept !== this.text);
  }

  async askThree(theirs) {
    const { mine, both } = await this.merged(theirs.text);
    const merge = el("button", { value: "both", class: "primary" }, "Merge both");
    const shown = new Comparison(both.stretches, ["Your text", "The file"], { choose: true, changed: (left) => {
      merge.disabled = left > 0;
      merge.title = left ? "choose at each place that both changed" : "";
    } });
    const chosen = await this.chosen({
      title: "The file was changed meanwhile", large: true,
      text: both.merged === null ? `You and another program changed the same lines, at ${count(shown.conflicts, "place")}. Choose there what is to stay, and merge; or take one text whole. Nothing is saved until then.`
        : "You and another program changed different lines, so both can be kept.",
      more: [shown.element, el("details", {}, el("summary", {}, "The three texts"), el("div", { class: "three" },
        whole("Your text", mine), whole("The file on the disk", theirs.text), whole("Where both began", this.base.text)))],
      buttons: [["stay", "Go on editing"], ["theirs", "Take the one on the disk"], ["mine", "Save mine over it"], merge],
    });
    if (chosen === "both" || chosen === "theirs") {
      if (chosen === "theirs") await this.setAside();
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
      await fetchJson(this.drafts, { method: "PUT", body: this.draft(theirs.text, newName()) });
      return this.put({ "if-match": `"${theirs.digest}"` });
    }
    return false;
  }
}

function whole(title, text) {
  return el("section", {}, el("h3", {}, title), el("pre", { tabindex: "0", "aria-label": `${title}: the text` }, text));
}
