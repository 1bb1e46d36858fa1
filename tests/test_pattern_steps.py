"""No clock decides what matches: `re` and the simulation agree in everything, and steps are counted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from depth import examples, one_in
from format_fields import make_field, make_shape
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import synthspec
from synthspec.formats import grammar
from synthspec.formats import regex as regex_format
from synthspec.formats.recovery.coercion import FieldReader
from synthspec.languages.patterns import PatternFault, PatternSafety, PatternTimeout, SafeRegex, compile_pattern, lexer
from synthspec.languages.patterns.lexer import LexerPattern, LexerPatterns, Steps
from synthspec.languages.patterns.simulation import machine
from synthspec.languages.patterns.simulation.matcher import Simulator
from synthspec.languages.patterns.simulation.viability import StepsExceededError
from synthspec.languages.patterns.tree import parse_tree

ALWAYS_RE, NEVER_RE = PatternSafety(None, 0), PatternSafety("as if it ran away", None)

atoms = st.sampled_from(
    r"""a b k é . \w \W \d \s \S \b \B ^ $ \Z \A [a-f] [^a] [^\w] (?i:K) (?i:ß) (?a:\w) (?a:\b) (?=a) (?!b) (?<=a)
    (?<!b) (?>a+) (?>a|ab) a++ \1 (?i:\1) (?=(a)) (?m:^) (?m:$) (?s:.) x - (?P<n>a)""".split()
)
repeats = st.sampled_from("* + ? *? +? ?? *+ ++ ?+ {2} {1,3} {2,} {0,2}? {1,}? {0,4} {3,5}?".split())
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: "(" + "|".join(branches) + ")"),
        st.tuples(inner, repeats).map(lambda parts: f"(?:{parts[0]}){parts[1]}"),
        inner.map(lambda body: f"(?={body})"),
        inner.map(lambda body: f"(?!{body})"),
        inner.map(lambda body: f"(?>{body})"),
        inner.map(lambda body: f"({body})(?(1)a|b)"),
    ),
    max_leaves=10,
)
texts = st.text(st.sampled_from("aabbkKx1 -\néßſ_"), max_size=9)


def simulation_and_re_agree(text, subjects):
    try:
        parse_tree(text)
    except PatternFault:
        assume(False)
    plain, fast, slow = re.compile(text), SafeRegex(text, ALWAYS_RE), SafeRegex(text, NEVER_RE)
    for subject in subjects:
        assert slow.search(subject) == fast.search(subject) == bool(plain.search(subject))
        assert slow.fullmatch(subject) == fast.fullmatch(subject)
        found, expected = list(slow.finditer(subject)), list(plain.finditer(subject))
        assert [m.span() for m in found] == [m.span() for m in expected]
        assert [m.groups() for m in found] == [m.groups() for m in expected]
        assert [m.groupdict() for m in found] == [m.groupdict() for m in expected]
        assert [m.lastgroup for m in found] == [m.lastgroup for m in expected]
        assert slow.sub(r"<\g<0>>", subject) == plain.sub(r"<\g<0>>", subject)
        assert slow.sub(lambda match: f"[{match.start()}]", subject) == plain.sub(
            lambda match: f"[{match.start()}]", subject
        )


@examples(200, 800)
def test_simulation_and_re_agree_in_all_that_is_used(examples):
    settings(max_examples=examples)(given(patterns, st.lists(texts, min_size=1, max_size=4))(simulation_and_re_agree))()


@examples(120, 400)
def test_a_lexer_matches_at_a_place_as_re_does(examples):
    settings(max_examples=examples)(given(patterns, texts, st.integers(0, 9))(lexer_matches_as_re_does))()


def lexer_matches_as_re_does(text, subject, at):
    try:
        parse_tree(text)
    except PatternFault:
        assume(False)
    at = min(at, len(subject))
    steps = Steps()
    steps.begin(subject)
    slow = LexerPattern(text, steps)
    slow._degree = (0.0, None)  # type: ignore[misc]
    found, expected = slow.match(subject, at), re.compile(text).match(subject, at)
    assert (found and (found.span(), found.lastgroup)) == (expected and (expected.span(), expected.lastgroup))
    whole, same = slow.fullmatch(subject), re.compile(text).fullmatch(subject)
    assert (whole and whole.lastgroup) == (same and same.lastgroup) and bool(whole) == bool(same)


@given(patterns, st.lists(texts, min_size=2, max_size=5))
def test_what_was_matched_before_changes_neither_verdict_nor_steps(text, subjects):
    try:
        parse_tree(text)
    except PatternFault:
        assume(False)

    def measured(simulator, subject):
        scan = simulator.scan(subject)
        return [found.span() for found in scan.finditer()], scan.steps

    used = Simulator(text)
    assert [measured(used, s) for s in subjects] == [measured(Simulator(text), s) for s in subjects]


HOSTILE = [
    (r"\s+$", " " * 65_536 + "x", False),
    (r"(a+)+$", "a" * 65_536 + "!", False),
    (r"(a|aa)+$", "a" * 65_536 + "!", False),
    (r"(a|a)*$", "!" + "a" * 65_536, True),
    (r"^(\w+\s?)*$", "word " * 13_000 + "!", False),
    (r"(\w+\s*,?\s*)*;", "word, " * 10_000, False),
    (r"(.*a){12}", "ab" * 30_000, True),
    (r"(?:a|b)*a(?:a|b){300}$", "ab" * 30_000 + "!", False),
    (r"(\s*\w*\s*)*=", " a " * 20_000, False),
    (r"a?" * 40 + "a" * 40, "a" * 39, False),
    (r"(?=.*x)a+b", "a" * 60_000, False),
    (r"(?<=\.)\s+$", ". " * 30_000 + "x", False),
    (r"((a*)*)*b", "a" * 30_000, False),
]


@pytest.mark.parametrize("text, subject, matches", one_in(2, HOSTILE))
def test_hostile_texts_are_decided_in_linear_steps(text, subject, matches):
    regex = compile_pattern(text)
    assert regex.search(subject) == matches
    program = Simulator(text)
    cost = sum(state.cost for state in program.part._walk(subject))
    assert cost <= len(program.part.program.code) * (len(subject) + 1) * 2
    scan = program.scan(subject)
    spans = [found.span() for found in scan.finditer()]
    assert bool(spans) == matches and scan.steps <= 40 * len(subject) + 1000
    assert regex.sub("", subject) == "".join(
        subject[end:start] for (_, end), (start, _) in zip([(0, 0), *spans], [*spans, (len(subject), 0)], strict=True)
    )


def test_what_no_automaton_decides_ends_at_a_count_of_steps(monkeypatch):
    monkeypatch.setattr(machine, "MOST_STEPS", 200_000)
    regex = compile_pattern("(?>a+)+b")
    for method in ("search", "finditer"):
        with pytest.raises(PatternTimeout, match="needs too many steps on a text of this length"):
            getattr(regex, method)("a" * 20_000)
    with pytest.raises(PatternTimeout):
        regex.sub("", "a" * 20_000)
    assert not regex.fullmatch("a" * 20_000)
    assert regex.search("a" * 200 + "b") and not regex.search("a" * 200)


def test_the_count_ends_at_the_same_step_every_time(monkeypatch):
    scan = Simulator(r"(\w+)(a|b)\1$").scan("ab" * 40)
    list(scan.finditer())
    needed = scan.steps
    for most, ends in ((needed, False), (needed - 1, True)):
        monkeypatch.setattr(machine, "MOST_STEPS", most - machine.STEPS_A_CHARACTER * 80)
        for _ in range(3):
            again = Simulator(r"(\w+)(a|b)\1$").scan("ab" * 40)
            if ends:
                with pytest.raises(StepsExceededError):
                    list(again.finditer())
            else:
                assert list(again.finditer()) is not None


def test_a_full_table_is_begun_anew_and_changes_nothing():
    text = "(?:a|b)*a(?:a|b){9}c"
    subject = "".join("ab"[bin(i).count("1") % 2] for i in range(3000)) + "abababababc"
    expected = [m.span() for m in re.finditer(text, subject)]
    simulator = Simulator(text)
    simulator.part._most = 5
    assert [m.span() for m in simulator.scan(subject).finditer()] == expected and expected
    assert simulator.part._filled <= 5


def test_too_large_a_pattern_is_refused_by_its_size():
    with pytest.raises(PatternTimeout):
        SafeRegex("(?:(?:ab?){200}){200}", NEVER_RE).search("ab")


def test_no_module_that_reads_replies_or_patterns_knows_the_time():
    folder = Path(synthspec.__file__).parent
    for package in ("formats", "languages", "generation/validation"):
        for path in (folder / package).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(?:import|from) (?:time|regex|signal)\b|timeout=", code, re.MULTILINE), path


def test_matching_loads_no_other_engine():
    code = "import sys, synthspec.languages.patterns as p; p.compile_pattern('(a+)+$').search('aaa!'); print('regex' in sys.modules)"
    root = Path(__file__).parent.parent
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


# --- formats


AMBIGUOUS = 'start: title\ntitle: x\nx: x x | p | q\np: "a"\nq: "a"\n'
LETTERS = "start: title\ntitle: (LETTER | WORD)*\nLETTER: /[a-z]/\nWORD: /([a-z]+)+;/\n"


def rejected(parsed):
    assert not parsed.rows
    return [reason.reason for reason in parsed.rejections]


def test_the_regex_format_reads_what_a_runaway_matches(monkeypatch):
    monkeypatch.setattr(machine, "MOST_STEPS", 200_000)
    shape = make_shape(make_field("t"), regex="(?P<t>(?:a+)+)$")
    assert regex_format.parse("a" * 3000 + "!\n" + "a" * 3000, shape).rows == ({"t": "a" * 3000},)
    endless = make_shape(make_field("t"), regex="(?P<t>(?>a+)+)b")
    assert "needs too many steps" in str(rejected(regex_format.parse("a" * 20_000, endless)))
    assert list(regex_format.faults(make_shape(make_field("t"), regex="(?<t>a+)"))) == []
    assert regex_format.parse("aa\nb", make_shape(make_field("t"), regex="(?i)(?<t>A+)")).rows == ({"t": "aa"},)


def test_a_grammar_ends_at_a_count_of_steps(monkeypatch):
    monkeypatch.setattr(lexer, "MOST_STEPS", lexer.MOST_STEPS // 10)  # a tenth of the work
    shape = make_shape(make_field("title"), grammar=AMBIGUOUS)
    assert grammar.parse("a" * 12, shape).rows == ({"title": "a" * 12},)
    assert "needs too many steps" in str(rejected(grammar.parse("a" * 400, shape)))


def test_a_runaway_terminal_reads_as_in_re():
    shape = make_shape(make_field("title"), grammar=LETTERS)
    reply = "b" * 400 + "," + "b" * 3
    assert "does not fit" in str(rejected(grammar.parse(reply, shape)))
    assert grammar.parse("b" * 400, shape).rows == ({"title": "b" * 400},)
    assert grammar.parse("b" * 400 + ";", shape).rows == ({"title": "b" * 400 + ";"},)


def test_one_reply_counts_anew_and_a_lexer_counts_in_all():
    module = LexerPatterns()
    pattern = module.compile("(a|aa)+$")
    module.steps.begin("")
    with pytest.raises(StepsExceededError):
        for _ in range(2_000_000):
            pattern.match("b")
    module.steps.begin("a")
    assert pattern.match("a")
    with pytest.raises(PatternFault):
        module.compile("(")


def test_a_column_whose_pattern_is_too_slow_fits_nothing_more(monkeypatch):
    monkeypatch.setattr(machine, "MOST_STEPS", 200_000)
    column = FieldReader(make_field("t", pattern="(?>a+)+b"))
    assert column.fits("aab")
    assert not column.fits("a" * 20_000)
    assert not column.fits("aab")
    runaway = FieldReader(make_field("t", pattern="^(a+)+$"))
    assert runaway.fits("a" * 3000) and not runaway.fits("a" * 3000 + "!") and runaway.fits("aa")
