"""What `extra_body` must not hold: keys that change what a call costs after its worst cost was set aside."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.document.reader import Entry, MapNode, Node

_LENGTH = "write `max_tokens: N` in the backend itself, where limits and plans count it"
_MANY = "remove it: one completion of each call is used, and all of them are paid for"
_WHOLE = "remove it: replies are read whole, and one sent in pieces is paid for and not understood"
_MODEL = "write the model in the backend itself, where its price is known"
# As providers spell them, in lower case and without `_` and `-`.
_REFUSED = {
    **dict.fromkeys(("maxtokens", "maxcompletiontokens", "maxoutputtokens", "maxnewtokens", "numpredict"), _LENGTH),
    **dict.fromkeys(("maxtokenstosample", "npredict"), _LENGTH),
    **dict.fromkeys(("n", "bestof", "candidatecount", "numgenerations", "numreturnsequences"), _MANY),
    **dict.fromkeys(("model", "models"), _MODEL),
    **dict.fromkeys(("stream", "streamoptions"), _WHOLE),
}
_NESTED = frozenset({"options", "generationconfig", "config", "parameters"})  # maps of the same kind of keys


def check_extra_body(ctx: AnalysisContext, extra: Node) -> None:
    """Report every key that goes around what is set aside for a call."""
    for entry, help in _refused(extra):
        message = f"'{entry.key.text}' in `extra_body` changes what a call may cost without its limits being told"
        ctx.report("E650", entry.key, message, help)


def _refused(node: Node) -> Iterator[tuple[Entry, str]]:
    if not isinstance(node, MapNode):
        return
    for entry in node.entries:
        name = entry.key.text.replace("_", "").replace("-", "").casefold()
        if name in _REFUSED:
            yield entry, _REFUSED[name]
        elif name in _NESTED:
            yield from _refused(entry.value)
