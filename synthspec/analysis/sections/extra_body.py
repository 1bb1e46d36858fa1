"""What `extra_body` must not hold: keys that change what a call costs after its worst cost was set aside."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import Entry, MapNode, Node, ScalarNode

_LENGTH = write("max_tokens: N") + " in the backend itself, where limits and plans count it"
_MANY = remove() + ": one completion of each call is used, and all of them are paid for"
_WHOLE = remove() + ": replies are read whole, and one sent in pieces is paid for and not understood"
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


_TIERS = frozenset({"priority", "scale", "fast"})  # of `service_tier`: dearer than the prices that are known
_TIER = "add `prices: {prompt: …, completion: …}` of that tier to the backend, or " + remove()


def check_extra_body(ctx: AnalysisContext, extra: Node, priced: bool) -> None:
    """Report every key that goes around what is set aside for a call. `priced`: the spec itself gives the prices."""
    tier = extra.get("service_tier") if isinstance(extra, MapNode) else None
    dear = isinstance(tier, ScalarNode) and tier.text.strip().casefold() in _TIERS and not priced
    found = [*_refused(extra)]
    if isinstance(extra, MapNode) and dear:
        found += [(e, _TIER) for e in extra.entries if e.value is tier]
    for entry, help in found:
        message = f"'{entry.key.text}' in `extra_body` changes what a call may cost without changing its limits"
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
