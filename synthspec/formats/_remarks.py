"""Words about an answer: what announces it, follows it, refuses it, or stands where a value should."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Literal

Verdict = Literal["", "maybe", "surely"]

_THINGS = (
    r"outputs?|results?|answers?|responses?|repl(?:y|ies)|rows?|csv|json|yaml|tables?|lists?"
    r"|examples?|samples?|pairs?|exchanges?|"
    r"entr(?:y|ies)|records?|items?|versions?|drafts?|data(?:set)?|text|formats?|schema|one"
    r"|ones|request(?:ed)?|result"
)
_ASKED = (
    r"(?:as|like) (?:you )?(?:asked|requested|wanted|instructed|specified|required)|per your"
    r"|your (?:request|requirements|instructions|specifications)"
)
_EAGER = r"(?:sure(?: thing)?|certainly|of course|absolutely|gladly|no problem|with pleasure|understood|got it)"
_OTHER = r"(?:okay|ok|alright|all right|great|very well|right)"
_HERE = (
    r"(?:here(?:'s|’s| is| are| it is| they are| you go| comes?)|there you (?:go|are|have it)"
    r"|below (?:is|are|you)|the following|i(?:'ve|’ve| have) (?:written|generated|created|made"
    r"|prepared))"
)
_PREAMBLE = re.compile(
    rf"(?:{_EAGER}|{_OTHER}|{_HERE})\b[^\n]{{0,300}}:[ \t]*[*_]*[ \t]*\Z"
    rf"|{_EAGER}[ \t]*[!.,—–-][ \t]*(?:{_HERE}\b[^\n]{{0,300}})?[*_]*\Z",
    re.IGNORECASE,
)
_EAGER_START = re.compile(rf"{_EAGER}[!.,]", re.IGNORECASE)
_HERE_START = re.compile(rf"(?:(?:{_EAGER}|{_OTHER})[!.,—–-]*[ \t]+)?{_HERE}\b", re.IGNORECASE)
_BARE = re.compile(rf"{_HERE}[ \t]*[:!.]?\Z", re.IGNORECASE)
_TITLE = re.compile(
    r"(?:the )?(?:final )?(?:output|result|answer|response|reply|csv|json|rows?|table)s?:?", re.IGNORECASE
)

_OFFER = re.compile(
    r"(?:please )?(?:let me know|feel free|don['’]t hesitate|just (?:tell|ask|let) me)\b|if you(?:['’]d"
    r"| would| need| want| have| prefer| like)\b.{0,200}\b(?:let me know|tell me|i can|just (?:ask"
    r"|say)|feel free)"
    r"|(?:would|do) you (?:like|want) (?:me|more|another|to|any|a)\b|(?:should|shall|can|may) i (?:also )?(?:write"
    r"|make|add|change|adjust|generate|create|provide|continue|revise)\b"
    r"|want me to\b|(?:i['’]?m|i am) (?:also )?happy to\b|happy to (?:help|adjust|revise|write"
    r"|provide|make)\b|is there anything (?:else|more)\b|need (?:anything|something|any) (?:else"
    r"|more|changes)\b"
    r"|i can (?:also )?(?:write|make|adjust|provide|generate|create|revise|add|expand|tailor)\b",
    re.IGNORECASE | re.DOTALL,
)
_DONE = re.compile(
    r"(?:i )?(?:really )?hope (?:this|that|it|these|those|they) (?:helps?|meets?|works?|fits?"
    r"|suits?|is what|are what|captures?|serves?|answers?|satisf)"
    r"|(?:i )?hope you (?:like|enjoy|find) (?:it|this|these|them)\b|enjoy(?: (?:it|them|the \w+))?[!.]"
    r"|(?:and )?that(?:['’]s| is) (?:it|all)[!.]"
    r"|done[!.]|there you (?:go|are|have it)\b|you(?:['’]re| are) welcome[!.]|good luck[!.]"
    r"|thank you for (?:your|the) (?:request|question|patience)"
    r"|(?:\(|\[)?(?:total |approx(?:imate|\.)? )?(?:word|character|sentence|token) ?count[^\n]{0,60}\Z"
    r"|\(?(?:about |approx(?:imately|\.)? |~)?\d{1,6} (?:words|characters|sentences)\)?[.]?\Z",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?P<mark>[*_#(\[]*)[ \t]*(?:(?:important|please|quick|side|author(?:'s)?) )?(?P<label>n\.?b\.?"
    r"|notes?|disclaimer|explanations?|rationale|reasoning|changes(?: made)?|comments?|"
    r"remarks?|word count|sources?|key (?:points|features|changes)|why this works|tips?|caveats?"
    r"|justification|breakdown|analysis)[ \t]*[*_]*[ \t]*:",
    re.IGNORECASE,
)
_OF_THE_REPLY = re.compile(
    rf"\b(?:{_ASKED}|(?:the|your|these|this|above|each|all|both|of the) (?:above )?(?:\w+ )?(?:{_THINGS})\b"
    rf"|(?:word|row) limit|placeholders?|fictional|fictitious|invented|made[- ]up|imaginary|ai[- ]generated"
    r"|generated|as an ai|language model|language and tone|feel free|let me know|i(?:['’]ve"
    r"| have)? (?:kept|tried|used|aimed|avoided|included|made|added|wrote|written|chose|assumed"
    r"|left|followed|ensured|adjusted|shortened|removed|corrected|varied))\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    rf"(?:this|these|those|the above|both|all|each)(?: of (?:the|these))?(?: (?:two|three|four"
    rf"|five|six|seven|eight|nine|ten|\d+))?(?: \w+)? (?P<thing>{_THINGS}|NAMES)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:(?:i['’]?m|i am|we['’]?re|we are)? ?(?:(?:very|really|so|truly|deeply) )?sorry|apologies"
    r"|i apologi[sz]e|unfortunately|regrettably)?[,.!]?[ \t]*(?:but |that |however,? |as an ai(?: language)?(?: model"
    r"| assistant)?,? )*"
    r"(?:i|we) (?:(?:can(?:not|['’]t| not)|could ?n(?:o|['’])t|will not|won['’]t|am unable to"
    r"|['’]?m unable to|am not able to|['’]?m not able to|do not feel comfortable|must decline to"
    r"|have to decline to|am not comfortable|['’]?m not comfortable|refuse to)) ?(?:to )?"
    r"(?:help|assist|comply|fulfil+|provide|generate|create|write|produce|complete|do (?:that"
    r"|this)|continue|support|engage|answer|process|participate|discuss|offer|share|respond"
    r"|writing|creating|generating|providing)\b",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"(?:(?:i['’]?m|i am) sorry[,.]? (?:but )?)?as an? (?:ai|(?:large )?language model|assistant)\b", re.IGNORECASE
)
_UNABLE = re.compile(
    r"(?:sorry[,.]? (?:but )?)?i(?: am|['’]m) (?:unable|not able) to (?:help|assist|comply|fulfil+"
    r"|provide|generate|create|write|produce|complete|do|continue|support|answer)\b",
    re.IGNORECASE,
)
_SPEAKER = re.compile(
    r"[ \t]*(?:(?:\*\*)?(?:user|human|assistant|ai|system|prompter)(?:\*\*)?[ \t]*:|(?:#{1,4}[ \t]*)(?:instructions?"
    r"|response|input|human|user|assistant|question|prompt|task)[ \t]*:|\[INST\])",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"\.{3}|…|_{3,}|lorem ipsum[^\n]*"
    r"|[<\[{](?:insert|your|add|placeholder|write|put|text|value|the)\b[^<>\[\]{}\n]{0,80}[>\]}]"
    r"|(?:your|insert|some|the) [\w ]{1,30} (?:goes )?here\.?",
    re.IGNORECASE,
)
_TYPE = re.compile(r"string|str|integer|int|number|float|boolean|bool")


def bare(line: str) -> str:
    """The line without Markdown around it."""
    return line.strip().strip("*_#>~ \t").strip()


def is_preamble(line: str) -> bool:
    """Whether a line only announces what follows, as in `Here is the review:` or `Sure!`."""
    return _PREAMBLE.match(line.strip().lstrip("*_#> ")) is not None


def judge_preamble(line: str, names: Collection[str] = ()) -> Verdict:
    """Whether a line before a text announces it, rather than being its first."""
    said = bare(line)
    if not said or len(said) > 400:
        return ""
    if _EAGER_START.match(said) and (is_preamble(said) or _HERE_START.match(said)):
        return "surely"
    if _BARE.match(said):
        return "surely"
    if _HERE_START.match(said):
        told = _told(said, names) or re.search(
            rf"\b(?:{_ASKED}|for you|you(?:['’]d| would)? (?:asked|wanted|requested|like)|was (?:asked"
            rf"|wanted)|i (?:wrote|came up))\b",
            said,
            re.IGNORECASE,
        )
        if told:
            return "surely" if said.endswith((":", "!", ".", "…")) else "maybe"
        return "maybe" if said.endswith(":") and is_preamble(said) else ""
    if is_preamble(said):
        return "surely" if _told(said, names) else "maybe"
    return "maybe" if _EAGER_START.match(said) else ""


def is_title(line: str, names: Collection[str] = ()) -> bool:
    """Whether a line names the answer and says nothing: `## Output`, `**Review:**`."""
    said = bare(line).rstrip(":：").strip()
    marked = line.strip().startswith(("#", "**", "__")) or line.rstrip(" *_").endswith(":")
    same = any(fold(said) == fold(n) for n in names)
    return bool(said) and marked and (same or _TITLE.fullmatch(said) is not None)


def fold(name: str) -> str:
    """A name without case, spaces and lines."""
    return re.sub(r"[\s_\-]+", "", name).casefold()


def _told(said: str, names: Collection[str]) -> bool:
    words = "|".join(re.escape(n).replace("_", "[ _-]") for n in names if n)
    things = f"{_THINGS}|(?:{words})(?:s|es)?" if words else _THINGS
    return re.search(rf"\b(?:{things})\b", said, re.IGNORECASE) is not None


def judge_remark(paragraph: str, names: Collection[str] = (), letters: bool = False) -> Verdict:
    """Whether a last paragraph speaks about the answer, rather than being its end.

    `letters`: the value is something that people write to each other, where an offer of help is its own.
    """
    text = paragraph.strip()
    said = text.strip("*_#>~( \t").lstrip("🙂😊😀🎉✨👍 ")
    if not said or len(text) > 1500:
        return ""
    if _OFFER.match(said):
        return "maybe" if letters else "surely"
    if _DONE.match(said):
        return "maybe" if letters and said.lower().startswith(("i hope", "hope", "good luck", "thank")) else "surely"
    label = _LABEL.match(text)
    if label:
        return "surely" if label["mark"].strip("#[") or _OF_THE_REPLY.search(text) else "maybe"
    about = _about(names).match(said)
    if about:
        return "surely" if about["thing"].lower().endswith("s") or re.search(_ASKED, said, re.IGNORECASE) else "maybe"
    if re.search(_ASKED, said, re.IGNORECASE) and len(said) < 300:
        return "maybe"
    return (
        "maybe"
        if re.match(
            r"i(?:['’]ve| have)? (?:kept|tried|wrote|written|used|made|chose|aimed|avoided|included"
            r"|added)\b",
            said,
            re.IGNORECASE,
        )
        else ""
    )


def _about(names: Collection[str]) -> re.Pattern[str]:
    words = "|".join(re.escape(n).replace("_", "[ _-]") + "s?" for n in names if n)
    return re.compile(_ABOUT.pattern.replace("NAMES", words or "(?!)"), re.IGNORECASE)


def is_refusal(text: str) -> bool:
    """Whether a text declines to answer. `I can't make it on Friday` does not.

    >>> is_refusal("I'm sorry, but I can't help with that."), is_refusal("I'm sorry, but I can't make it.")
    (True, False)
    """
    said = bare(text[:400]).lstrip("\"'“")
    return any(p.match(said) is not None for p in (_REFUSAL, _MODEL, _UNABLE))


def is_speaker(line: str) -> bool:
    """Whether a line begins another turn of a chat: `User: …`, `### Instruction:`."""
    return _SPEAKER.match(line) is not None


def is_filler(text: str, name: str = "", several: bool = False) -> bool:
    """Whether a text stands for a value that is not there: `…`, `<title>`; of `several` also `string`."""
    said = text.strip()
    if len(said) >= 100:
        return False
    same = bool(name) and fold(said.strip("<>[]{}")) == fold(name) and (several or said[:1] in "<[{")
    return same or _FILLER.fullmatch(said) is not None or (several and _TYPE.fullmatch(said) is not None)


def is_unfilled(row: Mapping[str, Any]) -> bool:
    """Whether all texts of a row are what the form had there, or all of several refuse to answer."""
    texts = {n: v for n, v in row.items() if isinstance(v, str) and v.strip()}
    if texts and all(is_filler(v, n, len(texts) > 1) for n, v in texts.items()):
        return True
    return len(texts) > 1 and all(is_refusal(v) for v in texts.values())
