// The text itself: CodeMirror with YAML, colours for templates and expressions inside it, places as the service counts them.
import {
  autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, completionKeymap, Decoration, defaultKeymap,
  drawSelection, EditorState, EditorView, foldGutter, foldKeymap, highlightActiveLine, highlightActiveLineGutter,
  highlightSelectionMatches, highlightSpecialChars, HighlightStyle, history, historyKeymap, hoverTooltip, indentOnInput,
  indentUnit, keymap, lineNumbers, lintGutter, lintKeymap, search, searchKeymap, StateEffect, StateField,
  syntaxHighlighting, tags, yaml,
} from "/static/vendor/codemirror.js";

const SURROGATE = /[\ud800-\udfff]/;

/** Where a line and a column (both from 1, in characters) are in a document. */
export function offsetOf(doc, line, column) {
  const found = doc.line(Math.min(Math.max(line, 1), doc.lines));
  if (!SURROGATE.test(found.text)) return found.from + Math.min(Math.max(column, 1) - 1, found.length);
  let units = 0;
  for (const character of found.text) {
    if (--column < 1) break;
    units += character.length;
  }
  return found.from + units;
}

/** The line and the column of an offset, as `offsetOf` takes them. */
export function placeOf(doc, offset) {
  const line = doc.lineAt(offset);
  const before = line.text.slice(0, offset - line.from);
  return { line: line.number, column: (SURROGATE.test(before) ? [...before].length : before.length) + 1 };
}

/** From where to where a span goes. */
export function rangeOf(doc, span) {
  const from = offsetOf(doc, span.line, span.column);
  return { from, to: Math.max(from, offsetOf(doc, span.end_line, span.end_column)) };
}

/** Edits as the service gives them, as changes of a document. */
export const changesOf = (doc, edits) => edits.map((edit) => ({ ...rangeOf(doc, edit.span), insert: edit.text }));

const setWords = StateEffect.define();

const words = StateField.define({
  create: () => Decoration.none,
  update(found, transaction) {
    found = found.map(transaction.changes);
    for (const effect of transaction.effects) if (effect.is(setWords)) found = effect.value;
    return found;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const marks = new Map();
const markOf = (kind) => {
  if (!marks.has(kind)) marks.set(kind, Decoration.mark({ class: `word word-${kind.replace(/[^a-z]/g, "")}` }));
  return marks.get(kind);
};

/** Colour words of templates and expressions: `[line, column, end line, end column, kind]` each. */
export function colourWords(view, tokens) {
  const doc = view.state.doc;
  const found = [];
  for (const [line, column, endLine, endColumn, kind] of tokens) {
    const { from, to } = rangeOf(doc, { line, column, end_line: endLine, end_column: endColumn });
    if (to > from) found.push(markOf(kind).range(from, to));
  }
  view.dispatch({ effects: setWords.of(Decoration.set(found, true)) });
}

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: "code-key" },
  { tag: [tags.string, tags.special(tags.string)], class: "code-string" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], class: "code-number" },
  { tag: tags.comment, class: "code-comment" },
  { tag: [tags.meta, tags.labelName, tags.typeName, tags.keyword], class: "code-meta" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], class: "code-mark" },
]);

const look = EditorView.theme({
  "&": { backgroundColor: "var(--card)", color: "var(--ink)", height: "100%", fontSize: "13.5px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--ink)", padding: "10px 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--soft)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--code-line)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--code-selection)" },
  ".cm-selectionMatch": { backgroundColor: "var(--code-match)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--code-match)", outline: "1px solid var(--edge)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--badwash)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunk)", color: "var(--soft)", border: "1px solid var(--line)" },
  ".cm-lintRange": { backgroundImage: "none !important", paddingBottom: "0", textDecorationLine: "underline", textDecorationThickness: "1.5px", textUnderlineOffset: "3px", textDecorationSkipInk: "none" },
  ".cm-lintRange-error": { textDecorationStyle: "wavy", textDecorationColor: "var(--bad)" },
  ".cm-lintRange-warning": { textDecorationStyle: "wavy", textDecorationColor: "var(--warn)" },
  ".cm-lintRange-active": { backgroundColor: "var(--code-match)" },
  ".cm-tooltip": { backgroundColor: "var(--card)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "8px", boxShadow: "0 6px 24px rgb(0 0 0 / .16)", maxWidth: "min(560px, 92vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "13px", maxHeight: "16em" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px", display: "flex", gap: "10px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--accent-ink)" },
  ".cm-completionDetail": { fontStyle: "normal", color: "var(--soft)", marginLeft: "auto", whiteSpace: "nowrap", overflow: "hidden", textOverflow: "ellipsis" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionInfo": { padding: "8px 12px", maxWidth: "380px" },
  ".cm-diagnostic": { padding: "6px 12px", whiteSpace: "normal" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--bad)" },
  ".cm-diagnostic-warning": { borderLeft: "4px solid var(--warn)" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--accent-ink)", borderRadius: "6px", padding: "3px 10px", minHeight: "26px", border: "none" },
  ".cm-panels": { backgroundColor: "var(--sunk)", color: "var(--ink)" },
  ".cm-panels.cm-panels-top, .cm-panels.cm-panels-bottom": { borderColor: "var(--line)" },
  ".cm-panel.cm-search": { padding: "8px 10px" },
  ".cm-panel.cm-search input, .cm-panel.cm-search button": { minHeight: "30px", fontSize: "13px" },
  ".cm-panel.cm-search label": { display: "inline-flex", alignItems: "center", gap: "4px", fontSize: "13px" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--card)", border: "1px solid var(--line)", color: "var(--ink)", borderRadius: "6px" },
  ".cm-textfield": { backgroundColor: "var(--card)", border: "1px solid var(--edge)", color: "var(--ink)" },
  ".cm-searchMatch": { backgroundColor: "var(--code-match)" },
  ".cm-searchMatch-selected": { outline: "2px solid var(--accent)" },
});

/**
 * An editor in an element. `asks`: `complete(context)` and `hover(view, position)`, as CodeMirror has them;
 * `changed(update)` is called when the text is another; `keys` are more keys.
 */
export function makeEditor(parent, { text, nonce, readOnly, complete, hover, changed, keys }) {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        EditorView.cspNonce.of(nonce),
        lineNumbers(), highlightActiveLineGutter(), highlightSpecialChars(), history(), foldGutter(), drawSelection(),
        indentOnInput(), bracketMatching(), closeBrackets(), highlightActiveLine(), highlightSelectionMatches(),
        yaml(), syntaxHighlighting(colours), words, lintGutter(), search({ top: true }),
        indentUnit.of("  "), EditorState.tabSize.of(2), EditorView.lineWrapping,
        autocompletion({ override: [complete], icons: false, activateOnTypingDelay: 60, maxRenderedOptions: 60 }),
        hoverTooltip(hover, { hoverTime: 250 }),
        keymap.of([...keys, ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
        EditorState.readOnly.of(readOnly),
        EditorView.contentAttributes.of({ "aria-label": "Text of the spec", tabindex: "0", spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => update.docChanged && changed(update)),
        look,
      ],
    }),
  });
  keepInView(view);
  return view;
}

/** When the editor loses height, show the cursor's line again where it was in sight before. */
function keepInView(view) {
  let before = view.scrollDOM.clientHeight;
  new ResizeObserver(() => {
    const height = view.scrollDOM.clientHeight;
    if (!height) return; // its tab is not shown
    const { head } = view.state.selection.main;
    const line = view.lineBlockAt(head);
    const top = view.documentTop - view.scrollDOM.getBoundingClientRect().top;
    if (height < before && line.top + top < before && line.bottom + top > height) view.dispatch({ effects: EditorView.scrollIntoView(head) });
    before = height;
  }).observe(view.scrollDOM);
}

/** Put a text in the place of all, as one step that can be undone, the cursor near where it was. */
export function replaceText(view, text) {
  const before = view.state.doc.toString();
  if (before === text) return;
  let from = 0;
  const shorter = Math.min(before.length, text.length);
  while (from < shorter && before[from] === text[from]) from++;
  let end = 0;
  while (end < shorter - from && before[before.length - 1 - end] === text[text.length - 1 - end]) end++;
  view.dispatch({ changes: { from, to: before.length - end, insert: text.slice(from, text.length - end) } });
}

/** Go to a range of the text, show it and give the text the focus. */
export function reveal(view, { from, to }, focus = true) {
  view.dispatch({ selection: { anchor: from, head: Math.min(to, view.state.doc.length) }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
  if (focus) view.focus();
}
