// Drafts that a person may want back, and whose they are: each tab of a browser has a name.
import { choose, el, fetchJson, fill, specUrl } from "/static/studio.js";
import { Comparison } from "/static/editor/differences.js";

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

/** The name of this tab, which outlives a reload; or another one. */
export function tabName(another = false) {
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

/** A name that nothing has yet. */
export const newName = () => [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => (byte % 36).toString(36)).join("");

/** What a draft is called in this browser, and the lock that its tab holds while it is open. */
export const draftName = (spec, tab) => `synthspec draft ${spec} ${tab}`;

/**
 * Take the name of this tab for as long as its page is there; another name where an open tab has it, as one that was
 * duplicated. A page that is just being closed has its name until the browser is done with it, but says nothing any more.
 */
export async function claimTab(spec, tab) {
  if (!navigator.locks || !("BroadcastChannel" in window)) return tab;
  const channel = new BroadcastChannel(`synthspec ${spec}`);
  while (!(await claimed(channel, draftName(spec, tab)))) tab = tabName(true);
  return tab;
}

function claimed(channel, name) {
  const waiting = new AbortController();
  return new Promise((resolve) => {
    channel.addEventListener("message", ({ data }) => {
      if (data.here !== name) return;
      waiting.abort();
      resolve(false);
    });
    navigator.locks.request(name, { signal: waiting.signal }, () => {
      channel.addEventListener("message", ({ data }) => data.ask === name && channel.postMessage({ here: name }));
      channel.postMessage({ here: name });
      resolve(true);
      return new Promise(() => {}); // held until the page is gone
    }).catch(() => resolve(false));
    channel.postMessage({ ask: name });
  });
}

/** The names of the tabs of this browser that have the spec open. */
export async function openTabs(spec) {
  const start = draftName(spec, "");
  const { held } = (await navigator.locks?.query()) ?? { held: [] };
  return new Set(held.filter((lock) => lock.name.startsWith(start)).map((lock) => lock.name.slice(start.length)));
}
