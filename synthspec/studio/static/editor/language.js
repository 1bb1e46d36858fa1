// What the editor asks the language service: one question of each kind at a time, answers to older texts are dropped.
import { fetchJson, specUrl } from "/static/studio.js";

/** Asks about the text of one spec. `text()` is what stands in the editor. */
export class Language {
  constructor(spec, text) {
    this.spec = spec;
    this.text = text;
  }

  /** The answer to a question about the text as it is now; null where the text is another when it comes. */
  async ask(what, more = {}, { base = "/api/language/", signal, exact = true } = {}) {
    const text = this.text();
    const found = await fetchJson(specUrl(this.spec, "", base), { body: { text, what, ...more }, signal });
    return exact && this.text() !== text ? null : found;
  }
}

/**
 * A task that runs some time after it was last asked for, never twice at once: what is asked for meanwhile comes after.
 * `work` may return a promise.
 */
export function settled(work, delay) {
  let timer = 0;
  let running = false;
  let again = false;
  const run = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      await work();
    } finally {
      running = false;
      if (again) {
        again = false;
        run();
      }
    }
  };
  return (now = false) => {
    clearTimeout(timer);
    if (now) run();
    else timer = setTimeout(run, delay);
  };
}
