"""Where the sentences of a paragraph end: rules alone, so that every machine finds the same.

In doubt nothing is cut: two sentences kept together do less harm than one torn apart.
"""

from __future__ import annotations

import re

from synthspec.languages.expressions.functions.texts import UNSPACED

_CLOSERS = "\"'”’»›)\\]）」』】》〉"
_END = re.compile(
    rf"(?<![.!?…؟۔])[.!?…؟۔]++[{_CLOSERS}]*+(?=\s)"  # before a space
    rf"|[。！？｡][。！？…]*+[{_CLOSERS}]*+"  # Chinese and Japanese: no space need follow
    rf"|(?<![।॥።։།။])[।॥።։།။]++[{_CLOSERS}]*+(?=\s)"  # Devanagari, Ethiopic, Armenian, Tibetan, Burmese
)
_OPENERS = re.compile(r"[\s\"'“”‘«»‹(\[¿¡*_\-–—•（「『【《]*")
_LAST_WORD = re.compile(r"(?:^|(?<=[\s(\[\"'“‘«/-]))[^\s(\[\"'“‘«/]+$")
_INITIAL = re.compile(r"[^\W\d_](?:\.-?[^\W\d_])*")  # J. and U.S. and J.-P.
_ONE_LETTER = re.compile(r"\s[^\W\d_]\.")
_GERMAN_MONTH = re.compile(r"\s(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Jahrhundert)")
_GOES_ON = re.compile(r"[」』）][ぁ-ん]")  # 「はい。」と言った
_NUMERAL = re.compile(r"\d{1,3}|[IVXLC]{1,5}")

# Never the end of a sentence: a name or a term follows. English, Spanish, German, French, Italian, Portuguese.
_BEFORE_MORE = frozenset(
    (
        "mr mrs ms mx messrs dr prof rev hon st sgt cpt capt lt col gen gov pres mt ft vs cf ca approx e.g"
        " i.e eg ie viz fig figs resp incl excl tel dept univ nr n.º nº"
        " sr sra srta sres sras dª dña ud uds vd vds lic ing arq fdo p.ej ej aprox c avda tfno"
        " bzw bspw z.b d.h u.a o.ä s.o s.u v.a vgl hr abb kap bd hrsg ggf evtl sog inkl zzgl"
        " mme mmes mlle mlles mgr p.ex c.-à-d sig sigg dott dott.ssa avv"
    ).split()
)
# Nor these where a number follows.
_BEFORE_NUMBER = frozenset(
    (
        "no nos num núm eq eqs sec secs ch chap vol vols ed eds p pp pg pág págs pag pagg art arts al est max min"
        " temp ext tab cap str fr av pza ref jan feb apr aug sept oct nov dec ene abr ago dic"
    ).split()
)
# The end of a sentence where a capital follows.
_MAY_END = frozenset("etc inc ltd co corp bros jr sr.jr a.m p.m am pm ph.d m.d b.a m.a usw ecc s.a s.l cía".split())


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph, in order, without the space between them.

    >>> sentences("Dr. Soto came at 9 a.m. today. “Is it on?” he asked. Yes… See fig. 3!")
    ['Dr. Soto came at 9 a.m. today.', '“Is it on?” he asked.', 'Yes…', 'See fig. 3!']
    """
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends; between them is nothing but space."""
    spans = []
    start = _after_space(text, 0)
    for found in _END.finditer(text):
        if found.end() > start and _is_end(text, found, start):
            spans.append((start, found.end()))
            start = _after_space(text, found.end())
    end = len(text.rstrip())
    if end > start:
        spans.append((start, end))
    return spans


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _is_end(text: str, found: re.Match[str], start: int) -> bool:
    follows = _OPENERS.match(text, found.end())
    after = text[follows.end() : follows.end() + 1] if follows is not None else ""
    if not after:
        return True
    if after.islower() or _GOES_ON.match(text, found.end() - 1):
        return False
    if not found[0].startswith(".") or found[0].startswith(("..", ".”", ".)", '."')):
        return True
    before = text[max(start, found.start() - 24) : found.start()]
    return not _is_abbreviation(before, after, text[found.end() : found.end() + 16], found.start() - start)


def _is_abbreviation(before: str, after: str, rest: str, length: int) -> bool:
    """Whether the point after this text belongs to its last word. `after`: the letter or digit that comes next, `rest`
    all that does; `length`: of the sentence so far."""
    last = _LAST_WORD.search(before)
    word = last[0] if last is not None else ""
    if len(before) == length and _NUMERAL.fullmatch(word) and len(word) == len(before.strip()):
        return True  # "3. Close the valve.": the number of an item
    small = word.casefold()
    if small in _BEFORE_MORE or (small in _BEFORE_NUMBER and after.isdigit()):
        return True
    if small in _MAY_END:
        return False
    if word.isdigit() and len(word) <= 2:
        return _GERMAN_MONTH.match(rest) is not None  # am 3. Mai
    if len(word) == 1 and _ONE_LETTER.match(rest):
        return True  # z. B.
    return bool(_INITIAL.fullmatch(word)) and len(word.replace(".", "")) <= 4 and word.upper() == word


# Between words a sentence above the limit is cut; scripts without spaces between any two characters.
BETWEEN_WORDS = re.compile(rf"\s+|(?<=[{UNSPACED}])(?=[{UNSPACED}])|(?<=[，、；：。！？])(?=\S)")
_CLAUSE_MARKS = frozenset(",;:،؛—–，、；：")


def ends_clause(text: str, at: int) -> bool:
    """Whether the character before this place ends a clause; a closing bracket or quote after it does not count.

    >>> ends_clause("If it is hot, wait", 13), ends_clause("If it is hot, wait", 5)
    (True, False)
    """
    before = text[max(0, at - 3) : at].rstrip("\"'”’»›)]」』）")
    return before[-1:] in _CLAUSE_MARKS
