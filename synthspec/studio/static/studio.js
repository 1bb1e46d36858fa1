// What every page of the studio uses: requests, elements, streams, times and numbers in words.

/** What went wrong with a request, in words for people. */
export class StudioError extends Error {
  constructor(status, body) {
    super(body.error || `the studio answered ${status}`);
    this.status = status;
    this.help = body.help || "";
    this.body = body;
  }
}

/**
 * The JSON that an address answers. `body`, a value, is sent as JSON.
 * Throws StudioError for what the studio refuses, and where it cannot be reached (status 0).
 */
export async function fetchJson(address, { method, body, headers, signal, keepalive } = {}) {
  const raw = body instanceof Blob;
  const options = { method: method || (body === undefined ? "GET" : "POST"), headers: { accept: "application/json", ...headers }, signal, keepalive };
  if (body !== undefined) {
    options.body = raw ? body : JSON.stringify(body);
    options.headers["content-type"] = raw ? "application/octet-stream" : "application/json";
  }
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new StudioError(0, { error: "the studio does not answer", help: "start it again in the terminal with `synthspec studio`, and open the address that it prints: nothing that was saved or built is lost" });
  }
  let value = {};
  try {
    value = await answer.json();
  } catch {
    if (answer.ok) throw new StudioError(answer.status, { error: "the studio's answer cannot be read" });
  }
  if (!answer.ok) throw new StudioError(answer.status, value);
  return value;
}

/**
 * An element. Properties of `on` are listeners, of `data` data-attributes; `class` and others are attributes;
 * true sets an attribute without a value, null and false leave it out. Children are elements or text, never markup.
 */
export function el(name, attributes = {}, ...children) {
  const svg = name.startsWith("svg:");
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (key === "data") Object.assign(made.dataset, value);
    else if (/^on/i.test(key)) throw new Error(`a listener as an attribute: ${key}`);
    else if ((key === "href" || key === "src") && /^\s*(javascript|data|vbscript):/i.test(value)) throw new Error(`no address: ${key}`);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : String(c))));
  return made;
}

/** Put these children, and nothing else, into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : String(c))));
  return element;
}

const AGAIN = 3000; // milliseconds until a stream that was refused is asked for again

/**
 * A stream of server-sent events. `handlers` has a function for each event's name, given its JSON and its id.
 * `lost(true)` is called when the stream broke, `lost(false)` when it is there again. Returns a function that ends it.
 */
export function events(address, handlers, lost = () => {}) {
  let source = null;
  let later = 0;
  const open = () => {
    source = new EventSource(address);
    for (const [name, handler] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => handler(JSON.parse(event.data), event.lastEventId));
    }
    source.addEventListener("open", () => lost(false));
    source.addEventListener("error", () => {
      lost(true);
      clearTimeout(later);
      if (source.readyState === EventSource.CLOSED) later = setTimeout(open, AGAIN); // refused, as by a studio that was started anew
    });
  };
  const close = () => {
    clearTimeout(later);
    source.close();
  };
  open();
  addEventListener("pagehide", close, { once: true });
  return close;
}

/** The address of a spec's page or of an API below it: `specUrl("a b.yaml", "run")`. */
export function specUrl(spec, page = "", base = "/spec/") {
  const path = spec.split("/").map(encodeURIComponent).join("/");
  return `${base}${path}${page ? `/${page}` : ""}`;
}

const MOST_NOTICES = 3;

/** A sentence at the edge of the page, read out too. Errors stay until they are closed; of the others the last is shown. */
export function notify(message, { help = "", kind = "note" } = {}) {
  const box = document.getElementById("notices");
  const close = el("button", { type: "button", class: "quiet", "aria-label": "Close this message" }, "×");
  const one = el("div", { class: `notice ${kind}` }, el("p", {}, sentence(message), help && el("span", { class: "help" }, sentence(help))), close);
  close.addEventListener("click", () => one.remove());
  for (const other of [...box.children]) if (other.dataset.said === message || (kind !== "error" && !other.matches(".error"))) other.remove();
  one.dataset.said = message;
  box.append(one);
  while (box.children.length > MOST_NOTICES) box.firstElementChild.remove();
  if (kind !== "error") setTimeout(() => one.remove(), 6000);
  return one;
}

/** Tell an error that was caught. What ends a request on purpose is none. */
export function tellError(error) {
  if (error.name === "AbortError") return;
  notify(error.message, { help: error.help, kind: "error" });
  if (!(error instanceof StudioError)) console.error(error);
}

/** A text as a sentence: a capital at its start, a full stop at its end. */
export const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) + (/[.!?:]$/.test(text) ? "" : ".") : "");

const whole = new Intl.NumberFormat("en");
/** `1,204`. */
export const number = (value) => (value === null || value === undefined ? "unknown" : whole.format(value));

/** `1 row`, `1,204 rows`. */
export const count = (value, noun, plural = `${noun}s`) => `${number(value)} ${value === 1 ? noun : plural}`;

/** Dollars with as many digits as tell something; `unknown` for what is not known, never 0. */
export function dollars(value) {
  if (value === null || value === undefined) return "unknown";
  if (value === 0) return "$0";
  const digits = value >= 1 ? 2 : Math.min(8, 1 - Math.floor(Math.log10(value)));
  return `$${value.toFixed(digits)}`;
}

/** `3 minutes ago`, of a time in seconds since 1970. */
export function ago(seconds) {
  const past = Date.now() / 1000 - seconds;
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (past < 45) return "just now";
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (past >= size || unit === "minute") return words.format(-Math.max(1, Math.round(past / size)), unit);
  }
}

/** `1 h 05 min`, `42 s`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Open a <dialog> and give focus back when it closes, unless something has it by then. */
export function openDialog(dialog) {
  const before = document.activeElement;
  dialog.addEventListener("close", () => document.activeElement === document.body && before?.focus?.(), { once: true });
  dialog.showModal();
}

/** Ask before something is done. True where the person agrees. */
export function confirmed(title, text, { yes = "Go on", no = "Cancel", danger = false } = {}) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { "aria-labelledby": "confirm-title" },
      el("h2", { id: "confirm-title" }, title), el("div", { class: "said" }, text),
      el("form", { method: "dialog", class: "buttons" }, el("button", { value: "no" }, no), el("button", { value: "yes", class: danger ? "danger" : "primary" }, yes)));
    dialog.addEventListener("close", () => { resolve(dialog.returnValue === "yes"); dialog.remove(); });
    document.body.append(dialog);
    openDialog(dialog);
  });
}

/**
 * A dialog with buttons of its own: the name of the one that was chosen, "stay" where it was closed. It is told while the
 * dialog is still open: once it is closed, keys go to the text again.
 */
export function choose({ title, text, more, buttons, large = false }) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: large && "large texts", "aria-labelledby": "choose-title" }, el("h2", { id: "choose-title" }, title), el("p", {}, text), more,
      el("form", { method: "dialog", class: "buttons" }, buttons.filter(Boolean).map((button) => (button instanceof Node ? button : el("button", { value: button[0], class: button[2] }, button[1])))));
    dialog.addEventListener("submit", (event) => resolve(event.submitter?.value || "stay"));
    dialog.addEventListener("close", () => {
      resolve("stay");
      dialog.remove();
    });
    document.body.append(dialog);
    openDialog(dialog);
  });
}

/** What the studio refuses, and where to go where the rows are those of another spec: for a page that has nothing else to show. */
export function refused(error, page) {
  const maker = error.body?.maker;
  return [sentence(error.message), error.help && ` ${sentence(error.help)}`, maker && [" ", el("a", { href: specUrl(maker, page) }, `Open ${maker}`)]];
}

const THEMES = { auto: "as the system has them", light: "light", dark: "dark" };

function themeButton() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const show = () => button.setAttribute("aria-label", `Colours: ${THEMES[root.dataset.theme || "auto"]}`);
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(root.dataset.theme || "auto") + 1) % names.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // a browser that stores nothing
    }
    show();
    notify(`Colours: ${THEMES[next]}`);
  });
  show();
}

themeButton();
