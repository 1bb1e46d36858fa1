// The page of all specs: each says how it stands, as soon as that is known.
import { count, dollars, el, fetchJson, fill } from "/static/studio.js";

function show(item, state) {
  const chips = [];
  if (state.errors) chips.push(el("span", { class: "chip bad" }, count(state.errors, "error")));
  if (state.warnings) chips.push(el("span", { class: "chip warn" }, count(state.warnings, "warning")));
  if (state.built) chips.push(el("span", { class: "chip good" }, `${count(state.built.rows, "row")}, ${dollars(state.built.cost)}`));
  fill(item, el("div", { class: "about" }, el("h2", {}, state.path), state.description && el("p", { class: "soft" }, state.description)), el("div", { class: "row" }, chips));
}

for (const item of document.querySelectorAll("#specs > [data-spec]")) {
  try {
    show(item, await fetchJson(`/api/state/${item.dataset.spec.split("/").map(encodeURIComponent).join("/")}`));
  } catch (error) {
    item.append(el("p", { class: "bad" }, error.message));
  }
}
