"""A provider's own service, opened from a spec and the environment: its address, and the key that may go there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from synthspec.inference.transport import chat, keys
from synthspec.inference.transport.errors import Service
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from synthspec.inference.backends import BackendContext
    from synthspec.spec import BackendChoice


@dataclass(frozen=True, slots=True)
class Hosted:
    """A service to call. `key` is "" where it may not be sent there; `trusted` whether other headers may."""

    service: Service
    key: str
    trusted: bool
    options: dict[str, Any]  # the provider's own
    settings: dict[str, Any]  # of every request


def open_hosted(
    owner: keys.Owner,
    names: tuple[str, ...],
    own: Iterable[str],
    url: str,
    choice: BackendChoice,
    context: BackendContext,
) -> Hosted:
    """The service of a provider that asks for a key in one of the variables `names`; nothing is sent.

    `own` are the provider's options; `url` is where it is unless the spec or the owner's variable says otherwise.

    Raises:
        BackendFault: no key is set, no model is named, or the address is somebody else's.
    """
    key = keys.required_key(owner.name, names) if context.calls else ""
    options, settings = chat.options_of(choice, own)
    address = chat.address_from(options.get("base_url"), owner.address, url)
    sent = keys.key_to_send(owner, key, address, choice)
    hidden = "" if sent == key else keys.withheld(owner, address)
    service = Service(owner.name, address, choice.model, names, "", context.timeout, (key,), hidden)
    return Hosted(service, sent, keys.is_trusted(owner, key, address, choice), options, settings)
