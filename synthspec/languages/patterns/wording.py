"""What is wrong with a regular expression, in words for whoever wrote it, out of what Python's `re` says."""

from __future__ import annotations

import re

_WORDS: tuple[tuple[str, str, str], ...] = (
    (r"missing \), unterminated subpattern", "this '(' is never closed",
     r"close it with ), or write \( for the sign itself"),
    (r"unbalanced parenthesis", "this ')' closes nothing", r"remove it, or write \) for the sign itself"),
    (r"unterminated character set", "this '[' is never closed", r"close it with ], or write \[ for the sign itself"),
    (r"bad escape \(end of pattern\)", "a backslash at the end", "remove it, or write two for the sign itself"),
    (r"bad escape (.+)", r"\1 means nothing",
     "write the letter without its backslash, or two backslashes for that sign"),
    (r"bad character range (.+)", r"the range \1 runs backwards", "write its ends in order, or put the hyphen last"),
    (r"min repeat greater than max repeat", "the first number in the braces is over the second", "write them in order"),
    (r"(?:unknown group name|missing group name|bad character in group name).*", "this group has no sound name",
     "write (?P<name>…), the name of letters, digits and underscores"),
    (r"redefinition of group name '?(\w+)'?.*", r"two groups are named '\1'", "give each group a name of its own"),
    (r"invalid group reference (\d+).*", r"there is no group \1", "count the groups, the brackets, from 1"),
    (r"unknown extension (.+)", r"\1 means nothing after '('",
     "write (?:…) for a group, (?P<name>…) for one with a name"),
    (r"global flags not at the start of the expression", "flags such as (?i) are not at the beginning",
     "move them to the beginning"),
    (r"look-behind requires fixed-width pattern", "a look-behind matches texts of several lengths",
     "let the look-behind match texts of one length, without `*`, `+` or `?`"),
)  # fmt: skip


def regex_words(fault: re.error) -> tuple[str, str]:
    """What is wrong and what to do about it.

    >>> try: re.compile("a)")
    ... except re.error as fault: regex_words(fault)
    ("this ')' closes nothing", 'remove it, or write \\\\) for the sign itself')
    """
    pattern = fault.pattern.decode("latin-1") if isinstance(fault.pattern, bytes) else fault.pattern or ""
    sign = pattern[fault.pos : fault.pos + 1] if fault.pos is not None else ""
    if fault.msg in ("nothing to repeat", "multiple repeat") and sign:
        what = "nothing before" if fault.msg == "nothing to repeat" else "a repeat already before"
        return f"there is {what} this '{sign}'", f"write \\{sign} for the sign itself"
    for said, message, help in _WORDS:
        found = re.fullmatch(said, fault.msg)
        if found is not None:
            return found.expand(message), help
    return fault.msg, "a backslash in front makes a character literal: \\( \\. \\?"
