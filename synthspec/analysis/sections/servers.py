"""The addresses in `base_url`: one server, or a list of those that calls are spread over."""

from __future__ import annotations

from urllib.parse import urlsplit

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import ListNode, Node, ScalarNode
from synthspec.inference.transport.chat import address_of, server_of
from synthspec.plugins import is_built_in
from synthspec.spec.messages import BackendFault


def check_addresses(ctx: AnalysisContext, node: Node, provider: str) -> None:
    """Report what is no address, one that is listed twice, and a list whose paths do not agree."""
    listed = node.items if isinstance(node, ListNode) else (node,)
    seen: dict[str, str] = {}
    paths: dict[str, ScalarNode] = {}
    for item in listed:
        if not isinstance(item, ScalarNode) or not item.text.strip() or "{{" in item.text or "{%" in item.text:
            continue  # each has an error of its own
        address = _address_in(ctx, item, provider)
        if address is None:
            continue
        place = server_of(address) + urlsplit(address).path
        if place in seen:
            other = "" if seen[place] == item.text else f", as '{seen[place]}'"
            message = f"the server '{item.text}' is listed twice{other}"
            ctx.report("E867", item, message, remove() + "; to ask it for more at once, raise `limits.concurrency`")
        seen.setdefault(place, item.text)
        paths.setdefault(urlsplit(address).path, item)
    if len(paths) == 2 and "" in paths:
        (with_path,) = (p for p in paths if p)
        message = f"'{paths[''].text}' has no path, and others of the list end in '{with_path}'"
        ctx.report("W856", paths[""], message, write(paths[""].text.rstrip("/") + with_path))


def _address_in(ctx: AnalysisContext, item: ScalarNode, provider: str) -> str | None:
    """The address that a text stands for; None where it is none, which is reported. Packages read their own."""
    text = item.text
    if not is_built_in("backends", provider):
        return text
    if provider == "ollama":
        from synthspec.inference.backends.ollama import host_url

        text = host_url(text)
    try:
        return address_of(text)
    except BackendFault as e:
        ctx.report("E866", item, f"'{item.text}' is not the address of a server: {e.message}", _remedy(item.text))
        return None


def _remedy(text: str) -> str:
    """What to write in place of a text that is no address."""
    if "@" in text or "?" in text:
        return "keep the scheme, the host, the port and the path alone"
    try:
        return (
            write(address_of(f"http://{text}"), certain=True)
            if "://" not in text
            else "write it as http://HOST:PORT/v1"
        )
    except BackendFault:
        return "write it as http://HOST:PORT/v1"
