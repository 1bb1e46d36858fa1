// All of CodeMirror 6 that the studio's editor page uses, as one module.
export { EditorState, StateEffect, StateField, Compartment, RangeSetBuilder, Prec, Text, Transaction } from "@codemirror/state";
export {
  EditorView, Decoration, ViewPlugin, keymap, hoverTooltip, closeHoverTooltips, lineNumbers, highlightActiveLine,
  highlightActiveLineGutter, highlightSpecialChars, drawSelection, dropCursor, showPanel, tooltips,
} from "@codemirror/view";
export {
  defaultKeymap, history, historyKeymap, indentMore, indentLess, isolateHistory, toggleComment, undo, redo,
} from "@codemirror/commands";
export {
  syntaxHighlighting, HighlightStyle, indentOnInput, bracketMatching, foldGutter, foldKeymap, indentUnit, syntaxTree,
} from "@codemirror/language";
export { yaml } from "@codemirror/lang-yaml";
export { setDiagnostics, lintGutter, lintKeymap, openLintPanel, nextDiagnostic, forEachDiagnostic } from "@codemirror/lint";
export {
  autocompletion, completionKeymap, startCompletion, completionStatus, acceptCompletion, closeBrackets,
  closeBracketsKeymap, snippet,
} from "@codemirror/autocomplete";
export { search, searchKeymap, highlightSelectionMatches, openSearchPanel } from "@codemirror/search";
export { tags } from "@lezer/highlight";
