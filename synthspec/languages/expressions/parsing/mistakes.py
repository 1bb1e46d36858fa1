"""What is commonly written wrong in an expression, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from synthspec.diagnostics.remedies import Remedy, remove, write
from synthspec.languages.expressions.errors import Fault
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from lark import Token
    from lark.exceptions import UnexpectedInput

SYNTAX = "E302"
CLOSES = {"(": ")", "[": "]", "{": "}"}
OPENS = frozenset({"LPAR", "LSQB", "LBRACE"})
ENDS = frozenset({"RPAR", "RSQB", "RBRACE"})
VALUES = ENDS | {"NAME", "NUMBER", "STRING", "TRUTH", "NULL"}
QUOTES = {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "`": "'"}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A miswriting whose meaning is plain; `spans` are the pieces that its remedy repeats."""

    kind: str
    start: int
    end: int
    meant: str = ""
    spans: tuple[tuple[int, int], ...] = ()


def explain_mistake(text: str, mistake: Mistake) -> Fault:
    """The fault that a miswriting makes."""
    written = text[mistake.start : mistake.end]
    pieces = [text[start:end] for start, end in mistake.spans]
    message, remedy = _MISTAKES[mistake.kind](written, mistake.meant, pieces)
    return Fault(SYNTAX, message, mistake.start, mistake.end, remedy)


def _instead(sign: str) -> Remedy:
    return write(sign, "write '{}'", certain=True)


def _sign(written: str, meant: str, pieces: list[str]) -> tuple[str, str]:
    if meant == ":":
        return "'=' does not name a value in a map", _instead(":")
    if written == "=":
        return "'=' is not an operator", _instead("==")
    return f"'{written}' is written '{meant}' here", _instead(meant)


def _word(written: str, meant: str, pieces: list[str]) -> tuple[str, str]:
    return f"'{written}' is written in small letters", f"write {meant}"


def _conditional(sign: str) -> Callable[[str, str, list[str]], tuple[str, str]]:
    def explain(written: str, meant: str, pieces: list[str]) -> tuple[str, str]:
        condition, then, otherwise = pieces
        return f"{sign} is not how a choice is written", f"write: if {condition} then {then} else {otherwise}"

    return explain


def _method(written: str, meant: str, pieces: list[str]) -> tuple[str, str]:
    arguments = ", ".join(p for p in pieces if p)
    return f"functions are not called with a dot: '.{meant}(…)'", f"write {meant}({arguments})"


def _is_null(written: str, meant: str, pieces: list[str]) -> tuple[str, str]:
    return f"'{written.split()[0]}' is not an operator", f"write: {pieces[0]} {meant} null"


_MISTAKES: dict[str, Callable[[str, str, list[str]], tuple[str, str]]] = {
    "sign": _sign,
    "word": _word,
    "is": lambda written, meant, _: (f"'{written}' is not an operator", _instead(meant)),
    "is null": _is_null,
    "is empty": lambda written, meant, pieces: (
        f"'{written}' is not an operator",
        f"write: {pieces[0]} {meant} ''  (of a list: len({pieces[0]}) {'> 0' if meant == '!=' else '== 0'})",
    ),
    "not matches": lambda *_: (
        "'not' goes in front of the whole comparison",
        "write: not text matches 'pattern'",
    ),
    "compare not": lambda *_: (
        "'not' needs brackets after a comparison",
        "write '!=', or put 'not …' in brackets",
    ),
    "python conditional": _conditional("'a if c else b'"),
    "c conditional": _conditional("'c ? a : b'"),
    "method": _method,
    "positional": lambda *_: (
        "a positional argument after a named one",
        "put it before the named ones, or name it",
    ),
    "twice": lambda written, meant, _: (f"the key '{meant}' is there twice", "a map has each key once"),
    "huge": lambda *_: ("a number that is too large", "the largest is about 1.8e308"),
    "deep": lambda *_: ("nested more than 100 deep", "compute parts of it in parameters of their own"),
}


def explain_stop(text: str, stop: UnexpectedInput, tokens: Sequence[Token]) -> Fault:
    """The fault at which reading stopped: `tokens` are the words of the text up to the first that is none."""
    at = stop.pos_in_stream
    token: Any = getattr(stop, "token", None)
    if token is None:
        return _stray_character(text, at or 0)
    if token.type == "$END":
        return _early_end(text, tokens)
    start, end = token.start_pos, token.end_pos
    before = [t for t in tokens if t.start_pos < start]
    return _stray_word(text, str(token), token.type, start, end, before)


def _fault(message: str, start: int, end: int, remedy: str = "") -> Fault:
    return Fault(SYNTAX, message, start, end, remedy)


def _stray_character(text: str, at: int) -> Fault:
    character = text[at]
    if character in "'\"":
        remedy = f"close it with {character}; inside, write \\{character}"
        return _fault("this text is never closed", at, len(text.rstrip()), remedy)
    if character in QUOTES:
        return _fault(f"'{character}' does not quote", at, at + 1, f"use straight quotes: {QUOTES[character]}")
    explained = {
        "|": ("filters belong to templates", "call the function: write round(x, 1) for x | round(1)"),
        "~": ("'~' is not an operator", "join text with '+', search it with 'matches'"),
        "$": ("names have no '$'", "write the name alone"),
        "@": ("'@' is not an operator", ""),
        "#": ("an expression has no comments", "put the comment on a line of YAML"),
        ";": (
            "an expression is one value",
            "give each condition an item of its own, or join them with 'and'",
        ),
        "\\": ("a backslash outside quotes", "put text in quotes"),
        "≤": ("'≤' is written '<='", _instead("<=")),
        "≥": ("'≥' is written '>='", _instead(">=")),
        "≠": ("'≠' is written '!='", _instead("!=")),
        "×": ("'×' is written '*'", _instead("*")),
        "÷": ("'÷' is written '/'", _instead("/")),
        "−": ("this minus sign is not the one of a keyboard", _instead("-")),
    }
    message, remedy = explained.get(character, (f"'{character}' means nothing here", ""))
    return _fault(message, at, at + 1, remedy)


def _unclosed(tokens: Sequence[Token]) -> list[Token]:
    stack: list[Token] = []
    for token in tokens:
        if token.type in OPENS:
            stack.append(token)
        elif token.type in ENDS and stack:
            stack.pop()
    return stack


def _early_end(text: str, tokens: Sequence[Token]) -> Fault:
    end = len(text.rstrip())
    last = tokens[-1]
    ready = last.type in VALUES
    unclosed = _unclosed(tokens)
    if unclosed and (ready or (last.type in OPENS or last.type == "COMMA")):
        bracket = unclosed[-1]
        at = bracket.start_pos or 0
        return _fault(f"'{bracket}' is never closed", at, at + 1, f"add '{CLOSES[str(bracket)]}'")
    missing = _missing_branch(tokens)
    if ready and missing is not None:
        word, start, stop = missing
        return _fault(f"this 'if' has no '{word}'", start, stop, "write: if condition then value else other")
    return _percent(tokens) or _missing_after(last, last.start_pos or 0, end)


def _missing_after(last: Token, start: int, end: int) -> Fault:
    return _fault(f"something is missing after '{last}'", start, end, "add what it works on, or " + remove())


def _percent(tokens: Sequence[Token]) -> Fault | None:
    """A number with a percent sign at the end of these words."""
    if len(tokens) < 2 or tokens[-1] != "%" or tokens[-2].type != "NUMBER":
        return None
    start, end = tokens[-2].start_pos or 0, tokens[-1].end_pos or 0
    share = f"{float(tokens[-2]) / 100:.6g}"
    return _fault("a percentage is written as a share", start, end, f"write {share}")


def _missing_branch(tokens: Sequence[Token]) -> tuple[str, int, int] | None:
    """The innermost `if` that wants a `then` or an `else`, and which."""
    stack: list[tuple[str, int, int]] = []
    for token in tokens:
        if token.type == "IF":
            stack.append(("then", token.start_pos or 0, token.end_pos or 0))
        elif token.type == "THEN" and stack:
            stack[-1] = ("else", *stack[-1][1:])
        elif token.type == "ELSE" and stack:
            stack.pop()
    return stack[-1] if stack else None


_WORDS = {
    "for": ("an expression has no loops", "functions work on whole lists: sum, mean, min, max, count, join"),
    "elif": ("'elif' is written 'else if'", "write: if a then x else if b then y else z"),
    "elseif": ("'elseif' is written 'else if'", "write: if a then x else if b then y else z"),
    "like": ("'like' is not an operator", "write: contains(text, 'part'), or text matches 'pattern'"),
    "between": ("'between' is not an operator", "write: low <= x <= high"),
    "xor": ("'xor' is not an operator", "of two conditions, write a != b"),
    "mod": ("'mod' is written '%'", _instead("%")),
    "div": ("'div' is written '//'", _instead("//")),
    "equals": ("'equals' is written '=='", _instead("==")),
    "contains": ("'contains' is a function", "write: contains(text, 'part'), or 'part' in text"),
}


def _stray_word(text: str, word: str, kind: str, start: int, end: int, before: Sequence[Token]) -> Fault:
    last = before[-1] if before else None
    after_value = last is not None and last.type in VALUES
    braces = _in_braces(text, start, end, kind, before)
    if braces is not None:
        return braces
    if kind in ENDS:
        return _stray_bracket(word, start, end, before, after_value)
    missing = _missing_branch(before)
    if kind == "EQUAL":
        remedy = "compare with '=='" if after_value else ""
        return _fault("an expression does not assign", start, end, remedy)
    if kind == "COMMA":
        return _stray_comma(start, end, before, missing)
    if kind == "COLON":
        if missing is not None:
            return _fault(f"'{missing[0]}' belongs here", start, end, "write: if condition then value else other")
        sliced = any(t.type == "LSQB" for t in _unclosed(before))
        remedy = "take one item with [0], the first with first(), the last with last()" if sliced else ""
        return _fault("':' means nothing here", start, end, remedy)
    if kind in ("THEN", "ELSE"):
        remedy = "write: if condition then value else other"
        return _fault(
            f"'{word}' without its 'if'" if missing is None else f"'{word}' comes too soon",
            start,
            end,
            remedy,
        )
    if kind == "IF" and not after_value:
        return _fault("a choice inside a larger expression needs brackets", start, end, "write: (if … then … else …)")
    if after_value and word.lower() in _WORDS:
        message, remedy = _WORDS[word.lower()]
        return _fault(message, start, end, remedy)
    if after_value and last is not None:
        return _two_values(text, word, kind, start, end, last)
    return _fault(f"'{word}' is not expected here", start, end, "a value is missing before it" if last else "")


def _in_braces(text: str, start: int, end: int, kind: str, before: Sequence[Token]) -> Fault | None:
    """What stands between braces and is no map: a template's braces, a set, a block of another language."""
    unclosed = _unclosed(before)
    inside = bool(unclosed) and unclosed[-1].type == "LBRACE"
    at = start if kind == "LBRACE" and not inside else (unclosed[-1].start_pos or 0) if inside else -1
    if at >= 0 and text[at : at + 2] in ("{{", "{%"):
        remedy = "an expression names things as they are: attitude == 'positive'"
        return _fault("an expression has no braces", at, at + 2, remedy)
    wants_key = inside and any(t is unclosed[-1] or t.type == "COMMA" for t in before[-2:])
    if not wants_key:
        return None
    return _fault("this is not an entry of a map", start, end, "a map is written {name: value, 'other name': value}")


def _two_values(text: str, word: str, kind: str, start: int, end: int, last: Token) -> Fault:
    if kind == "LPAR":
        return _fault(f"'{last}' cannot be called", start, end, "only a function's name is followed by '('")
    if kind == "NAME" and last.type == "NAME" and str(last).lower() == "not":
        return _fault("'not' is written in small letters", last.start_pos or 0, last.end_pos or 0, _instead("not"))
    if kind == "NUMBER" and last.type == "NUMBER" and last.end_pos == start:
        return _fault("this number is not well formed", last.start_pos or 0, end, "write 0.5, 1e6 or 1_000")
    remedy = "put an operator between them: 'and', 'or', '==', '+', …"
    if kind == "NAME" and last.type == "NUMBER" and last.end_pos == start:
        remedy = "a number has no unit, and a name does not begin with a digit"
    if kind == "STRING" and last.type == "STRING" and last.end_pos == start:
        remedy = f"to put a quote inside text, write \\{word[0]}"
    return _fault(f"'{word}' follows '{last}' with nothing between", start, end, remedy)


def _stray_bracket(word: str, start: int, end: int, before: Sequence[Token], after_value: bool) -> Fault:
    unclosed = _unclosed(before)
    if not unclosed:
        opener = next(o for o, c in CLOSES.items() if c == word)
        return _fault(f"'{word}' closes nothing", start, end, f"take it out, or add '{opener}' before")
    opener, at = str(unclosed[-1]), unclosed[-1].start_pos or 0
    if CLOSES[opener] != word:
        return _fault(f"'{opener}' at character {at + 1} is closed by '{word}'", start, end, _instead(CLOSES[opener]))
    missing = _missing_branch(before[before.index(unclosed[-1]) :])
    if after_value and missing is not None:
        return _fault(f"this 'if' has no '{missing[0]}'", *missing[1:], "write: if condition then value else other")
    last = before[-1]
    if last is unclosed[-1]:
        return _fault("nothing between the brackets", at, end, "put a value in them")
    return _percent(before) or _missing_after(last, last.start_pos or 0, last.end_pos or 0)


def _stray_comma(start: int, end: int, before: Sequence[Token], missing: tuple[str, int, int] | None) -> Fault:
    if missing is not None:
        return _fault(f"',' where '{missing[0]}' belongs", start, end, "write: if condition then value else other")
    last = before[-1] if before else None
    if last is not None and last.type == "NUMBER":
        return _fault("',' between numbers", start, end, "decimals are written with a point: 1.5; lists in brackets")
    return _fault("',' means nothing here", start, end, "put a list in brackets: [a, b]")
