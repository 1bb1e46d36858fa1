"""What an editor asks of a spec that is being typed: diagnostics, completion, hover, definitions, remedies, renaming.

Pure functions over the text of a file that need not be saved, nor be whole:

    access = lasting_access()                    # once: keeps sources open between keystrokes
    analysis = analyse(path, text, access=access)
    analysis.diagnostics
    complete(analysis, Position(3, 7))

Lines and columns count from 1, in characters. Every value has `as_dict()`, which JSON takes.
"""

from synthspec.language_service.analysis import Analysis, analyse, lasting_access
from synthspec.language_service.coloring import tokens
from synthspec.language_service.completion import complete
from synthspec.language_service.fixing import Fixed, actions, applied, fix
from synthspec.language_service.hovering import hover
from synthspec.language_service.navigation import definition, references
from synthspec.language_service.outline import symbols
from synthspec.language_service.renaming import can_rename, rename
from synthspec.language_service.values import (
    Action,
    CompletionItem,
    Edit,
    Hover,
    Location,
    Position,
    Renaming,
    Symbol,
    Token,
)

__all__ = [
    "Action", "Analysis", "CompletionItem", "Edit", "Fixed", "Hover", "Location", "Position", "Renaming", "Symbol",
    "Token", "actions", "analyse", "applied", "can_rename", "complete", "definition", "fix", "hover", "lasting_access",
    "references", "rename", "symbols", "tokens",
]  # fmt: skip
