// A page that the studio has made by a process: asked for, waited for, shown in a frame as high as it is.
import { fetchJson, tellError } from "./studio.js";

const WAIT = 700;

/** Ask for a page until it is ready. `told` is given each state. Resolves to the last state: ready, failed or none. */
export async function madePage(address, told, body = {}) {
  let state = await fetchJson(address);
  if (state.state === "absent" || (state.state === "failed" && body.again)) state = await fetchJson(address, { method: "POST", body: {} });
  for (;;) {
    told(state);
    if (state.state !== "making") return state;
    await new Promise((done) => setTimeout(done, WAIT));
    state = await fetchJson(address);
    if (state.state === "absent") state = await fetchJson(address, { method: "POST", body: {} });
  }
}

/** Show a page of ours in a frame that grows with it. `ready` is given its document. */
export function showPaper(frame, source, ready = () => {}) {
  frame.addEventListener("load", () => {
    const inside = frame.contentDocument;
    if (!inside || !inside.body) return;
    const fit = () => { frame.height = String(Math.ceil(inside.documentElement.getBoundingClientRect().height) + 2); };
    new ResizeObserver(fit).observe(inside.body);
    fit();
    ready(inside);
    inside.addEventListener("click", (event) => { // a link within the page moves the window, not the frame
      const link = event.target.closest?.("a[href^='#']");
      const target = link && inside.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (target) target.scrollIntoView();
    });
  }, { once: true });
  frame.hidden = false;
  frame.src = source;
}

/** Tell what went wrong, whatever it was. */
export const failed = tellError;
