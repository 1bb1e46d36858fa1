// The little Markdown that the language service writes, as elements: paragraphs, lists, code, bold. Never as markup.
import { el } from "/static/studio.js";

/** The elements of a text in Markdown. */
export function markdown(text) {
  const made = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    if (/^```/.test(line)) {
      const code = [];
      while (++at < lines.length && !/^```/.test(lines[at])) code.push(lines[at]);
      made.push(el("pre", {}, code.join("\n")));
    } else if (/^[-*] /.test(line)) {
      const items = [el("li", {}, inline(line.slice(2)))];
      while (/^[-*] /.test(lines[at + 1] || "")) items.push(el("li", {}, inline(lines[++at].slice(2))));
      made.push(el("ul", {}, items));
    } else if (/^(---+|\*\*\*+)$/.test(line)) {
      made.push(el("hr"));
    } else if (line.trim()) {
      const words = [line.replace(/^#+ /, "")];
      while ((lines[at + 1] || "").trim() && !/^(```|[-*] |---+$)/.test(lines[at + 1])) words.push(lines[++at]);
      made.push(el("p", {}, inline(words.join("\n"))));
    }
  }
  return made;
}

function inline(text) {
  const made = [];
  const pattern = /(`+)(.+?)\1|\*\*(.+?)\*\*|\[([^\]]+)\]\(([^)\s]+)\)|\\([\\`*_{}[\]()#+.!|<>~-])/gs;
  let last = 0;
  for (const found of text.matchAll(pattern)) {
    made.push(text.slice(last, found.index));
    if (found[2] !== undefined) made.push(el("code", {}, found[2].trim()));
    else if (found[3] !== undefined) made.push(el("strong", {}, inline(found[3])));
    else if (found[4] !== undefined) made.push(found[4]);
    else made.push(found[6]);
    last = found.index + found[0].length;
  }
  return [...made, text.slice(last)];
}
