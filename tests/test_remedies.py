"""Every remedy is done as it says, and the spec checked again: the fault is gone.

Remedies of a form (`remedy_rules`: did you mean, known here, write, remove) are followed where they point; for others
`EDITS` and `remedy_edits` say what a person who follows them writes.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from depth import one_in
from remedy_edits import FURTHER
from remedy_rules import followed, put
from test_fault_specs import TRUSTED

from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic, has_errors
from synthspec.diagnostics.render import render_text
from synthspec.sources.kinds import Access

FOLDER = Path(__file__).parent / "faults"
SPECS = sorted(FOLDER.glob("*.yaml"))
EDITS: dict[str, tuple[str, ...]] = {
    **FURTHER,
    "E423-sum-of-a-skipped-field": ("{{ score + 1 }}", "{% if score %}{{ score + 1 }}{% endif %}"),
    "E423-member-of-an-optional-field": ("{{ maker.city }}", "{% if maker %}{{ maker.city }}{% endif %}"),
    "E423-first-of-the-texts-to-avoid": ("{{ avoid[0] }}", "{% if avoid %}{{ avoid[0] }}{% endif %}"),
    "E480-user-beside-a-dialogue": ("    user: Write a talk.", ""),
    "E480-format-of-a-dialogue": ("    format: {turns: {Customer: user, Agent: assistant}}", ""),
    "E480-system-beside-the-speakers": (
        "    system: Be polite.", "",
        "agent: {system: You are the help desk.", "agent: {system: You are the help desk. Be polite.",
    ),
    "E481-dialogue-writes-a-text": ("{type: string,", "{type: messages,"),
    "E481-dialogue-writes-two-fields": ("[conversation, mood]", "conversation", "{enum: [calm, cross]}", "{value: goal}"),
    "E482-nobody-is-the-assistant": (
        "agent: {system: You are the help desk., as: user}", "agent: {system: You are the help desk., as: assistant}",
    ),
    "E483-speaker-named-like-a-field": ("      conversation: {", "      conversation_speaker: {"),
    "E483-speaker-named-like-a-parameter": ("      goal: {", "      goal_speaker: {"),
    "E483-speaker-named-turn": ("      turn: {", "      turn_speaker: {"),
    "E484-opening-of-the-second-speaker": ("goal }}.', as: user}", "goal }}.', as: user, opening: Good day}"),
    "E487-type-of-an-argument-misspelt": ("strin}", "string}"),
    "E487-arguments-that-are-no-schemas": ("{order: string}", "{order: {type: string}}"),
    "E488-tool-named-twice": ("[order_status, order_status]", "[order_status]"),
    "E489-tool-misspelt": ("[order_stats]", "[order_status]"),
    "E490-field-named-tools": ("  tools: {value:", "  kit: {value:"),
    "E480-format-beside-tools": ("    format: json", ""),
    "E481-tools-beside-a-text": ("{type: string, words", "{type: messages, words"),
    "E480-rounds-beside-tools": ("    repeat: 2", ""),
    "E480-several-rows-beside-tools": ("    rows: 3", ""),
    "E480-samples-beside-tools": ("    samples: 3", ""),
    "E480-reasoning-of-a-dialogue": ("    reasoning: thought", "", "  thought: {type: string}", ""),
    "E489-parameter-that-names-no-tool": ("'order_stats'", "'order_status'"),
    "E448-a-conversation-for-samples": ("    samples: 3\n", ""),
    "E476-picture-in-a-computed-list": ("data/calls.csv", "data/red.png"),
    "E696-fewer-combinations-than-the-rows-take": ("combinations: 10", ""),
    "W756-tool-that-nobody-calls": ("tools: [order_status]}", "tools: [order_status, refund]}"),
    "E485-turns-of-a-plain-prompt": ("    turns: 3", ""),
    "E485-dialogue-without-turns": ("    writes:", "    turns: 4\n    writes:"),
    "E485-dialogue-without-max": ("{min: 3}", "{min: 3, max: 5}", "    writes:", "    until: agent matches 'bye'\n    writes:"),
    "E486-turns-by-a-parameter-below-one": ("length: [0, 2]", "length: [1, 2]"),
    "E486-turns-that-come-to-a-fraction": ("2 * 150", "2 * 15"),
    "W755-least-number-of-exchanges-without-until": ("{min: 2, max: 4}", "4"),
    "E424-number-as-a-text": ("['3']", "[3]"),
    "E551-column-of-the-same-row": ("row.reason == reason", "row.reason == row.reason"),
    "E551-declared-between-two-draws": (
        "  line: {from: calls, column: line}\n  wanted: [late, broken]\n",
        "  wanted: [late, broken]\n  line: {from: calls, column: line}\n",
    ),
    "W705-number-sign-in-a-prompt": (
        "Write a title for issue #3 of the magazine.",
        '"Write a title for issue #3 of the magazine."',
    ),
    "W706-examples-not-shown": (
        "user: Write a title.",
        "user: 'Write a title.{% for e in examples %}{{ e.line }}{% endfor %}'",
    ),
    "E112-template-without-quotes-as-a-value": ("{{ opening }}", "'{{ opening }}'"),
    "E204-rows-in-quotes": ('"40"', "40"),
    "E204-source-as-a-text": ("data/calls.csv", "{file: data/calls.csv}"),
    "E204-weights-without-values": ("{Madrid: 2, Paris: 1}", "{values: {Madrid: 2, Paris: 1}}"),
    "E302-assignment": (" = ", " == "),
    "E302-python-conditional": ("9000 if high else 4000", "if high then 9000 else 4000"),
    "E406-text-and-number-added": (" + ", " ~ "),
    "E402-avoid-without-a-rule": ("fields:", "novelty: {avoid: {last: 20}}\nfields:"),
    "E305-misspelt-argument": ("std=", "sd="),
    "E120-no-such-file": ("data/comon.yaml", "data/common.yaml"),
    "E522-everything-excluded": ('  exclude:\n    - tone in ["kind", "harsh"]  # error: E522\n', "  strategy: balanced\n"),
    "E306-random-in-a-value": (
        '{value: "integer(1, 9999)"}', "{value: drawn}",
        "prompts:", "parameters: {drawn: 'integer(1, 9999)'}\nprompts:",
    ),
    "E301-field-in-a-gate": ("gates:", "checks:"),
    "E110-only-comments": ("# error: E110 at 1:1\n", "synthspec: 1\n"),
    "E111-at-sign-begins-a-value": ("@cc-by-4.0", "'@cc-by-4.0'"),
    "E113-number-that-is-none": ("!!int many", "20"),
    "E114-billion-laughs": ("[*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]", "[*d]", "[*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]", "[*a]", "[*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]", "[*a]"),
    "E115-nested-too-deeply": ("[" * 42 + " a " + "]" * 42, "[a]"),
    "E116-two-documents": ("---  # error: E116\nsynthspec: 1\nname: more-quizzes\n", ""),
    "E117-alias-inside-itself": ("items: *own", "items: {type: string}"),
    "E118-tab-in-a-list": ("\t- broadsheet", "    - broadsheet"),
    "E119-comma-of-a-call-in-a-list": ("[poisson(3), uniform(0, 5)]", '"uniform(0, 5)"'),
    "E121-extends-an-absolute-path": ("/etc/spec.yaml", "people"),
    "E122-extends-itself": ("extends: E122-extends-itself.yaml  # error: E122 on 'E122-extends-itself.yaml'\n", ""),
    "E201-a-list": ("- synthspec: 1  # error: E201\n- name: visits\n- rows: 20", "synthspec: 1\nname: visits\nrows: 20"),
    "E203-backend-without-provider": ("  model: gpt-5-mini", "  provider: openai\n  model: gpt-5-mini", "{type: string}", "{type: string, words: {min: 5}}"),
    "E206-infinite-maximum": (".inf", "0.5"),
    "E207-field-begins-with-a-digit": ("2nd_menu:", "_2nd_menu:", "[menu]", "[menu, _2nd_menu]"),
    "E303-check-that-is-a-number": ("- words(bill)", "- words(bill) > 3"),
    "E307-chance-over-one": ("(20)", "(0.2)"),
    "E311-null-compared-in-order": ("summary > null", "summary != null"),
    "E312-language-of-a-field": ("parses(code, language)", "language != 'json' or parses(code, 'json')"),
    "E314-keyword-misspelt-in-a-schema": ("propertes", "properties"),
    "E314-schema-without-a-type": ("{required", "{type: 'object', required"),
    "E316-index-in-when": ("[kind, rude]", "[kind, rude]\n  number: index()", "index() < 10", "number < 10"),
    "E317-prompt-reads-an-address": ("rows: 50", "rows: 50\nparameters: {number: index()}", "{{ title }}", "{{ number }}"),
    "E318-exclusion-by-number": (
        "  tone: [kind, rude]\nplan:\n  exclude:\n    - day < '2024-02-01' and tone == 'rude'  # error: E318\n",
        "  drawn: [kind, rude]\n  tone: \"if day < '2024-02-01' then 'kind' else drawn\"\n",
    ),
    "E532-more-rows-than-there-are": ("rows: 5", "rows: 2"),
    "E533-nothing-to-compare": ("nearest: topic", "nearest: topic, by: number"),
    "E534-field-that-is-a-text": ("facts: {type: string}", "facts: {type: array}"),
    "E552-tables-alike-but-for-case": ("People: {", "Cities: {"),
    "E553-a-level-that-is-not-there": ("level: 2", "level: 1"),
    "E310-matches-a-broken-regex": (r"(\d+", r"\(\d+"),
    "E401-braces-never-closed": ('theme."', 'theme }}."'),
    "E403-a-call": ("theme.upper()", "theme | upper"),
    "E410-no-prompt-at-all": ("fields:", "prompts: {interview: {user: Write an interview.}}\nfields:"),
    "E412-one-prompt-writes-it-twice": (", interview]", "]"),
    "E413-circle-through-a-computed-field": ("upper(answer)", "upper(question)", "Write the question to this answer: {{ loud }}", "Write a question."),
    "E414-computed-fields-in-a-circle": ("length - 20", "words(interview) - 20"),
    "E415-each-beside-rows": ("rows: 3", "rows: 1"),
    "E430-each-without-in": ("each: facts", "each: fact in facts", "{{ facts }}", "{{ fact }}"),
    "E431-each-over-a-text": ("facts: {type: string}", "facts: {type: array, items: {type: string}}"),
    "E432-item-named-like-a-parameter": ("each: fact in", "each: one in", "{{ fact }}\"\n", "{{ one }}\"\n"),
    "E432-item-named-like-a-written-field": ("each: question in", "each: fact in", "{{ facts }}", "{{ fact }}"),
    "E435-each-row-by-a-factorial": ("plan: {strategy: factorial}\n", ""),
    "E436-each-of-no-rows": ('"bats"', '"owls"'),
    "E437-exclude-rows-gone-through": (
        'plan:\n  exclude:\n    - title == "eels"  # error: E437 on \'title == "eels"\'\n', "",
        "rows: {each: docs}", 'rows: {each: docs, where: row.title != "eels"}',
    ),
    "E437-where-of-a-parameter": (
        ', where: row.title != "eels"}', "}", "rows: {each: docs}", 'rows: {each: docs, where: row.title != "eels"}',
    ),
    "E438-replace-rows-of-a-source": ("on_missing: replace", "on_missing: report"),
    "E438-replace-beside-spread": ("on_missing: replace", "on_missing: report"),
    "E439-spread-items-of-a-list": ("on_saturation: spread", "on_saturation: stop"),
    "E433-retry-above-a-fan-out": ("retry: topic", "retry: questions"),
    "E434-drop-that-retries": ("    retry: review  # error: E434 on 'review'\n", ""),
    "E432-two-items-of-one-name": ("it in questions", "one in questions", "{{ questions }}", "{{ one }}"),
    "E416-csv-for-an-object": ("format: csv", "format: json"),
    "E419-option-of-a-format": ("{json: {indent: 2}}", "json"),
    "E420-writes-a-computed-field": (", length]", "]"),
    "E421-nothing-left-to-write": ("  interview: {type: string}", "  interview: {type: string}\n  verdict: {type: string}"),
    "E422-more-examples-than-rows": ("rows: 9", "rows: 4"),
    "E445-logarithm-far-too-wide": ("income: lognormal(0, 300)", "income: truncated(lognormal(0, 300), 0, 1e9)"),
    "E446-truncated-beyond-the-tail": ("heat: truncated(normal(0, 1), 50, 60)", "heat: truncated(normal(0, 1), 0, 2)"),
    "E447-faker-counts-from-today": ("{faker: date_this_year}", "date('2026-01-01', '2026-12-31')"),
    "E501-items-the-wrong-way-round": ("maxItems: 2", "maxItems: 6"),
    "E502-infinite-weight": (".inf", "1"),
    "E503-format-regex": (".+'", ".+)'"),
    "E504-runaway-format": ("([a-z]+)*", "[a-z]+"),
    "E505-one-weight-too-few": ("[3, 1]", "[3, 1, 1]"),
    "E506-number-among-texts": ("42]", "'42']"),
    "E507-cleaning-step-of-another-type": ("[strip, {round: 2}]", "[{round: 2}]"),
    "E508-check-never-passes": ('"good" and', '"good" or'),
    "E509-enum-and-a-matching-rule": ("enum: [1, 2,", "enum: [2,"),
    "E511-a-point-that-may-group-thousands": ("data/thousands.csv}", "data/thousands.csv, decimal: '.'}"),
    "E351-where-over-many-rows": (", where: row.word == 'sea'", ""),
    "E351-nearest-over-many-rows": (", nearest: topic", ""),
    "E353-two-months-unlike": ("months/*.csv", "months/a*.csv"),
    "E511-no-file-of-a-pattern": ("data/year/*.csv", "data/months/a*.csv"),
    "E511-list-of-rows-elsewhere": ("data.itmes", "data.items"),
    "E511-list-of-rows-not-said": ("nested.json}", "nested.json, at: data.items}"),
    "E511-header-beyond-the-end": (", header: 900", ""),
    "E130-header-of-json": (", header: 2", ""),
    "W770-one-file-of-several-broken": ("mixed/*.csv", "mixed/a*.csv"),
    "E513-data-of-the-machine": ("/etc/passwd.csv", "data/calls.csv"),
    "E514-data-without-rows": ("data/header_only.csv", "data/calls.csv"),
    "E515-two-columns-of-one-name": ("{summary: call}", "{summary: told}"),
    "E516-where-leaves-no-row": ("> 60", "> 0"),
    "E523-value-out-of-reach": ("[kind, fair, harsh]", "[kind, harsh]", '    - tone == "fair"  # error: E523\n', ""),
    "E524-case-of-another-type": ("two:", "2:"),
    "E525-a-case-is-missing": ("      harsh: [1, 2]", "      harsh: [1, 2]\n    else: [3]"),
    "E526-nearly-everything-excluded": ("> 0.01", "> 500"),
    "E527-correlated-with-itself": ("[age, age]", "[age, wage]", "  age: normal(50, 10)", "  age: normal(50, 10)\n  wage: normal(50, 10)", "{{ age }}", "{{ age }} {{ wage }}"),
    "E530-faker-arguments": ("{faker: company, arguments: {size: 3}}", "{faker: company}"),
    "E531-no-such-model-folder": ("./models/minilm", "sentence-transformers/all-MiniLM-L6-v2"),
    "E602-model-not-named": ("backend: openai ", "backend: openai:gpt-5-mini ", "{type: string}", "{type: string, words: {min: 5}}"),
    "E604-price-not-known": ("backend: openai:our-own-tuned-model ", "backend: {provider: openai, model: our-own-tuned-model, prices: {prompt: 1, completion: 2}} ", "{type: string}", "{type: string, words: {min: 5}}"),
    "E607-nobody-plays-a-role": ("user: title}", "user: title, assistant: review}"),
    "E640-address-by-a-template": ("{{ host }}", "localhost"),
    "E650-another-model": ("  extra_body:\n    model: gpt-5-pro", "", "gpt-5-mini", "gpt-5-pro", "{type: string}", "{type: string, words: {min: 5}}"),
    "E651-dataset-named-like-the-quarantine": ("name: quarantine", "name: reviews"),
    "E448-a-text-for-samples": ('{type: string}', '{type: array, items: {type: string}}'),
    "E449-map-over-a-text": ('in topic"', 'in [\'a\', \'b\']"', 'parameters: {topic: [bill, meter]}\n', ''),
    "E450-samples-of-rows": (' rows: 5,', ''),
    "E451-fewer-samples-than-items": ('samples: 3', 'samples: 4'),
    "E452-backends-for-one-reply": ('backend: [ngram, ngram]', 'backend: ngram'),
    "E453-value-without-a-backend": ('{small: ngram}', '{small: ngram, large: ngram}'),
    "E455-as-often-as-a-model-says": ('repeat: depth', 'repeat: min(depth, 10)'),
    "E456-thousands-of-rounds": ('5000', '5'),
    "E457-seed-of-another-field": ('{idea:', '{task:'),
    "E458-until-without-repeat": ('until: len(task) > 40', 'repeat: 3\n    until: len(task) > 40'),
    "E459-rounds-into-a-text": ('steps: {type: string}', 'steps: {type: array}'),
    "E460-nothing-to-begin-with": ('[0, 2]', '[1, 2]'),
    "W725-samples-at-temperature-zero": ('temperature: 0', 'temperature: 0.8'),
    "E852-batches-of-ollama": ("engine: batch", "engine: local"),
    "W850-rounds-for-texts-to-avoid": ("engine: batch", "engine: local"),
    "W726-backend-of-no-value": (', huge: ngram', ''),
    "W727-more-backends-than-samples": ('samples: 2', 'samples: 3'),
    "W701-unused-parameter": ("{{ tone }} review", "{{ tone }} {{ length }} review"),
    "W702-prompt-that-nobody-reads": ("[review]}", "[review, stars]}"),
    "W703-no-example-for-a-value": ("where: row.rating == rating", "where: row.rating >= rating - 2"),
    "W704-shares-over-one": ("test: 0.2", "test: 0.1"),
    "W710-bound-to-a-rarer-value": ("{rush: 20, plain: 80}", "{rush: 12.5, plain: 87.5}", "{air: 5, road: 95}", "{air: 12.5, road: 87.5}"),
    "W711-a-sum-of-six-lists": ("a + b + c + d + e + f > 40", "a + b > 12"),
    "W712-lists-correlated-under-factorial": ("factorial", "balanced"),
    "W715-deviation-below-zero": ("normal(170, spread)", "normal(170, clip(spread, 0.1, 9))"),
    "W735-csv-options-without-csv": ("[jsonl,", "[csv,"),
    "W740-four-combinations-for-seven-values": ("rows: 5", "rows: 3"),
    "W741-any-text-is-kept": ("review: {type: string}", "review: {type: string, words: {min: 5}}"),
    "W750-text-of-windows": ("western.csv}", "western.csv, encoding: cp1252}"),
    "E470-messages-beside-user": ("    user: Answer briefly.  # error: E470 on 'user'\n", ""),
    "E471-last-message-of-the-assistant": ("{assistant: A book of accounts.}", "{user: And a quill?}"),
    "E430-for-without-a-list": ("for: examples", "for: e in examples", "examples[0].q", "e.q"),
    "E473-raw-completion-of-a-chat-service": ("anthropic:claude-haiku-4-5", "ollama:llama3.2"),
    "E474-reasoning-into-a-number": ("steps: {type: integer}", "steps: {type: string}"),
    "E475-no-such-picture": ("data/blue.png", "data/wide.gif"),
    "E475-row-without-a-picture": ("    images:", "    when: photo != null\n    images:"),
    "E476-picture-wider-than-the-provider-takes": ("data/wide.gif", "data/red.png"),
    "E477-pictures-under-a-budget": ("gpt-5.5}", "gpt-5.5, prices: {prompt: 5, completion: 30, image_tokens: 2000}}"),
    "E478-a-number-as-a-picture": ("[1, 2, 9]", "[data/red.png]"),
    "W731-claude-that-is-not-asked-to-think": (
        "anthropic:claude-haiku-4-5", "{provider: anthropic, model: claude-haiku-4-5, thinking: {type: adaptive}}",
    ),
}  # fmt: skip


def copied(path: Path, text: str, folder: Path) -> Path:
    """The spec beside what it reads."""
    for name in ("data", "library"):
        if (FOLDER / name).exists() and not (folder / name).exists():
            shutil.copytree(FOLDER / name, folder / name)
    for other in FOLDER.glob("*.yaml"):
        if f"{other.name}" in text:
            (folder / other.name).write_text(other.read_text(encoding="utf-8"), encoding="utf-8")
    here = folder / path.name
    here.write_text(text, encoding="utf-8")
    return here


MEANT = re.compile(r"""did you mean (?:'([^']+)'|("[^"]+"))\?""")
FORMED = [p for p in SPECS if p.stem not in EDITS]  # of these the remedy says what to write, in a form that is known


@cache
def found(path: Path) -> Diagnostic:
    return compile_spec(path, access=Access(trust=path.name[:4] in TRUSTED)).diagnostics[0]


def named(path: Path) -> str | None:
    """What a spec's remedy asks whether it was meant."""
    word = MEANT.fullmatch(found(path).help)
    return word and (word[1] or word[2])  # a text of an expression stands in double quotes, which are part of it


def remedied(path: Path) -> list[str]:
    """The texts of a spec that come of doing as its remedy says; none where it has no known form."""
    text, meant = path.read_text(encoding="utf-8"), named(path)
    if meant is not None:
        return [put(text, found(path), meant)]
    return [after for texts in followed(text, found(path)).values() for after in texts]


NO_RULE = {"W741", "W774"}  # what fault specs of a paid backend have beside, and is no part of this


@pytest.fixture(autouse=True)
def own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is trusted in one test is not in another."""
    monkeypatch.setenv("SYNTHSPEC_CONFIG", str(tmp_path / "config"))


def mends(path: Path, text: str, folder: Path) -> bool:
    """Whether the fault is gone from a text, and no other has come."""
    again = compile_spec(copied(path, text, folder), access=Access(trust=path.name[:4] in TRUSTED)).diagnostics
    return not has_errors(again) and found(path).code not in {d.code for d in again}


def test_there_are_enough_and_every_code_has_one() -> None:
    asked = [p for p in FORMED if named(p) is not None]
    followed_to = [p for p in FORMED if named(p) is None and remedied(p)]
    assert len(asked) >= 60 and len(EDITS) >= 200 and len(followed_to) >= 45
    applied_to = {p.stem for p in (*asked, *followed_to)} | set(EDITS)
    assert len(applied_to) >= 0.85 * len(SPECS), sorted({p.stem for p in SPECS} - applied_to)
    assert {p.name[:4] for p in SPECS} == {stem[:4] for stem in applied_to}


@pytest.mark.parametrize("path", one_in(6, FORMED), ids=lambda p: p.stem)
def test_a_remedy_of_a_known_form_is_right(path: Path, tmp_path: Path) -> None:
    texts = remedied(path)
    assert not texts or any(mends(path, text, tmp_path) for text in texts), found(path).help


@pytest.mark.parametrize("stem", one_in(6, EDITS))
def test_what_the_remedy_says_is_right(stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = FOLDER / f"{stem}.yaml"
    text, edits, before = path.read_text(encoding="utf-8"), EDITS[stem], found(path)
    for old, new in zip(edits[::2], edits[1::2], strict=True):
        assert old in text, text
        text = text.replace(old, new, 1)
    find = importlib.util.find_spec  # whether the optional package is installed is no part of this
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "sentence_transformers" or find(name))
    again = compile_spec(copied(path, text, tmp_path), access=Access(trust=stem[:4] in {"E820", *TRUSTED})).diagnostics
    assert {d.code for d in again} <= NO_RULE - {before.code}, render_text(again)
