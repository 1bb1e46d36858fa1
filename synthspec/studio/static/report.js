import { fill, refused, specUrl } from "./studio.js";
import { failed, madePage, showPaper } from "./paper.js";

const spec = document.body.dataset.spec;
const frame = document.getElementById("paper"), state = document.getElementById("state");
const actions = document.getElementById("actions"), retry = document.getElementById("retry");
const api = specUrl(spec, "", "/api/report/");
let shown = "";

function told(found) {
  retry.hidden = found.state !== "failed";
  state.hidden = found.state === "ready" && !found.incomplete;
  if (found.state === "another") {
    fill(state, refused({ message: found.error, help: found.help, body: found }, "report"));
    return;
  }
  state.textContent = {
    none: "Nothing is built yet. Build the spec, and its report stands here.",
    making: "Measuring the dataset. A large one takes a minute or two; you can go on elsewhere meanwhile.",
    failed: `The report could not be made. ${found.message || ""}`,
    ready: "The build is incomplete, and no better dataset stands: this is the report of what there is.",
  }[found.state] || "";
}

/** Each phrase leads to all rows that hold it, in the table of rows. */
function linkRows(inside) {
  if (!frame.dataset.rows) return;
  for (const button of inside.querySelectorAll("button.phrase")) {
    const link = inside.createElement("a");
    link.href = `${specUrl(spec, "rows")}?q=${encodeURIComponent(`"${button.dataset.phrase}"`)}`;
    link.target = "_top";
    link.className = "allrows";
    link.textContent = "all rows";
    link.setAttribute("aria-label", `All rows with “${button.dataset.phrase}”`);
    button.after(link);
  }
}

async function look(again = false) {
  try {
    const found = await madePage(api, told, { again });
    if (found.state !== "ready" || found.key === shown) return;
    shown = found.key;
    const address = `${specUrl(spec, "report/page")}?key=${found.key}`;
    document.getElementById("alone").href = address;
    document.getElementById("download").href = `${address}&download=1`;
    actions.hidden = false;
    showPaper(frame, address, linkRows);
  } catch (error) {
    failed(error);
  }
}

document.getElementById("again").addEventListener("click", () => look(true));
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
look();
