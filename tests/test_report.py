"""The report: its text, its JSON, and a page that says everything and runs nothing it was not written to."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import synthspec
from synthspec.cli import cli
from synthspec.evaluation.corpus.corpus import corpus_of, read_corpus
from synthspec.evaluation.report.findings import findings_of
from synthspec.evaluation.report.measure import measure
from synthspec.evaluation.report.numbers import format_value
from synthspec.evaluation.report.page import report_page
from synthspec.evaluation.report.plots import curve_plot, histogram_plot, matrix_plot, scale_plot
from synthspec.evaluation.report.samples import sample_rows
from synthspec.evaluation.report.text import report_text
from synthspec.inference.store import Store
from synthspec.spec.messages import Completion, Message, Reply, Request, Usage

ROOT = Path(__file__).parent.parent
REVIEWS = ROOT / "specs/data/reviews.csv"

HOSTILE = [
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>' onmouseover='alert(1)",
    "<svg/onload=alert(1)><iframe src=https://evil.example></iframe>",
    "</pre></style><link rel=stylesheet href=//evil.example/x.css><base href=//evil.example>",
    "{{ 7*7 }} {% for x in range(9) %}{{ x }}{% endfor %} ${7*7}",
    "<!-- --!> ]]> &lt;b&gt; &#60;b&#62; \u202eright to left\u202c \0 nul",
    "<a href=javascript:alert(1)>click</a> <meta http-equiv=refresh content='0;url=//evil.example'>",
    "[click](javascript:alert(1)) " + "unbroken" * 60,
]
VOID = {"meta", "link", "input", "br", "img", "base"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of the reviews spec with some rows lost."""
    folder = tmp_path_factory.mktemp("built")
    synthspec.build(ROOT / "specs/reviews.yaml", out=folder, rows=60, set={"limits.attempts": 1})
    return folder


@pytest.fixture(scope="module")
def hostile(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build's folder in which everything that a model, a provider or a file name could bring is hostile."""
    folder = tmp_path_factory.mktemp("hostile") / "a'\"<b>&"
    shutil.copytree(built, folder)
    rows = [{"</style><script>": HOSTILE[i % 8], "label\"'><b>": HOSTILE[i % 3][:40], "text": f"{HOSTILE[i % 8]} is row {i}"}
            for i in range(60)]  # fmt: skip
    for path in folder.glob("*.csv"):
        path.unlink()
    for path in folder.glob("*.jsonl"):
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"name": HOSTILE[0], "rejections": {HOSTILE[1]: 4}, "gates": {HOSTILE[2]: False}}
    manifest["backend"] = {"provider": HOSTILE[3], "model": HOSTILE[4], "reported": [HOSTILE[5]]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    lost = [{"row": HOSTILE[1], "lost_at": HOSTILE[2], "reasons": [h, HOSTILE[0]], "values": {h: h},
             "tries": [{"prompt": h, "attempt": 1, "reasons": [h], "completion": h}]} for h in HOSTILE]  # fmt: skip
    (folder / "quarantine.jsonl").write_text("\n".join(map(json.dumps, lost)) + "\nnot json\n", encoding="utf-8")
    with Store.open_readonly(folder) as store:
        calls = list(store.iterate_calls())
    (folder / "run.sqlite").unlink()
    text = "\n".join(f"{HOSTILE[i % 8]} is row {i}" for i in range(60))
    reply = Reply(text, Usage(1, 2), HOSTILE[1], HOSTILE[2])
    messages = tuple(Message("user", h) for h in HOSTILE)
    with Store.open(folder) as store:
        for call in calls:
            request = Request(call.key, HOSTILE[0], call.combination, call.attempt, messages, 1)
            asyncio.run(store.put(request, Completion(call.key, reply, 0.1, 0.2)))
    return folder


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def parsed(page: str) -> _Elements:
    elements = _Elements()
    elements.feed(page)
    return elements


def assert_inert(page: str) -> None:
    """Well nested; one script, ours; nothing loaded from anywhere."""
    elements = parsed(page)
    assert not elements.faults and not elements.open
    assert [t for t, _ in elements.found].count("script") <= 1
    assert not {t for t, _ in elements.found} & {"img", "iframe", "object", "embed", "base", "form", "video", "audio"}
    for tag, attributes in elements.found:
        assert not [a for a in attributes if a.startswith("on")], (tag, attributes)
        for name in ("src", "href", "action", "srcset", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:,")), (tag, attributes)  # type: ignore[union-attr]
    policy = next(a["content"] for t, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and "default-src 'none'" in policy and "unsafe" not in policy
    assert not [t for t, a in elements.found if "style" in a]  # which the policy forbids
    assert "@import" not in page and "url(" not in files("synthspec.evaluation.report").joinpath("page.css").read_text(
        "utf-8"
    )


def test_hostile_text_stays_text(hostile: Path) -> None:
    report = measure(read_corpus(hostile))
    page = report_page(report)
    assert_inert(page)
    shown = "".join(parsed(page).text)
    assert "</script><script>alert(1)</script>" in shown
    assert "{{ 7*7 }}" in shown and "49" not in re.findall(r"\{\{.*?\}\}", shown)
    assert report.calls and report.quarantined == 9 and len(report.quarantine) == 8
    assert report_text(report)


def test_the_page_of_a_build(built: Path) -> None:
    result = CliRunner().invoke(cli, ["report", str(built), "--against", str(REVIEWS)])
    assert result.exit_code == 0, result.output
    page = (built / "report.html").read_text(encoding="utf-8")
    assert_inert(page)
    for anchor in (
        "account",
        "asked",
        "build",
        "diversity",
        "drift",
        "balance",
        "language",
        "similarity",
        "leakage",
        "sample",
    ):
        assert f'id="{anchor}"' in page and f'href="#{anchor}"' in page
    assert ("Diversity" in result.output and "What stands out" in result.output) or "No findings" in result.output
    assert str(built / "report.html") in result.stderr
    assert "report.html" not in result.stdout


def test_rows_are_shown_with_the_calls_they_came_from(built: Path) -> None:
    corpus = read_corpus(built)
    shown = sample_rows(corpus)
    with_calls = [s for s in shown if s.calls]
    assert len(with_calls) >= 0.9 * len(shown)
    for row in with_calls:
        texts = " ".join(c.text for c in row.calls)
        assert row.values["title"].split()[0] in texts
        assert row.calls[0].messages[0][0] == "system" and "review" in row.calls[0].messages[1][1]


def test_json(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    result = CliRunner().invoke(
        cli, ["report", str(built), "--format", "json", "--against", str(REVIEWS), "--out", str(out)]
    )
    assert result.exit_code == 0 and result.stdout == ""
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found) == ["report", "name", "rows", "rows_read", "notes", "columns", "against", "metrics", "curves",
                           "drift", "balance", "pairs", "language", "lengths", "nearest", "verdict", "findings",
                           "asked", "account", "phrases", "build", "calls", "quarantine"]  # fmt: skip
    assert found["name"] == "reviews" and found["against"]["rows"] == 173
    for metric in found["metrics"]:
        assert {"name", "title", "family", "value", "better", "computed_on", "meaning", "source"} <= set(metric)
    assert found["build"]["funnel"]["planned"] == 60 and next(iter(found["build"]["funnel"])) == "planned"
    (call,) = found["calls"]
    assert call["prompt"] == "review" and call["calls"] == found["build"]["calls"] and 0 < call["count_accuracy"] <= 1


def test_any_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("".join(REVIEWS.read_text(encoding="utf-8").splitlines(keepends=True)[:41]), encoding="utf-8")
    result = CliRunner().invoke(cli, ["report", str(path)])
    assert result.exit_code == 0 and result.output.startswith("rows: 40 rows")
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]  # nothing written beside a file unless asked
    out = tmp_path / "page.html"
    assert CliRunner().invoke(cli, ["report", str(path), "--format", "html", "--out", str(out)]).exit_code == 0
    assert_inert(out.read_text(encoding="utf-8"))
    assert CliRunner().invoke(cli, ["report", str(path), "--format", "html"]).output.startswith("<!doctype html>")


def test_faults_of_use(tmp_path: Path) -> None:
    missing = CliRunner().invoke(cli, ["report", str(tmp_path / "no.csv")])
    assert missing.exit_code == 1 and "there is no" in missing.output
    empty = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert empty.exit_code == 1 and "contains no dataset" in empty.output
    assert CliRunner().invoke(cli, ["report"]).exit_code == 2
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n2\n", encoding="utf-8")
    unwritable = CliRunner().invoke(cli, ["report", str(path), "--out", str(tmp_path / "none" / "x.txt")])
    assert unwritable.exit_code == 1 and "cannot be written" in unwritable.output


def test_the_same_data_gives_the_same_report(built: Path) -> None:
    one, two = (report_page(measure(read_corpus(built), read_corpus(REVIEWS))) for _ in range(2))
    assert one == two


def test_a_damaged_store_spoils_nothing_else(built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(built, folder)
    (folder / "run.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    (folder / "manifest.json").write_text(
        '{"funnel": [1], "usage": null, "cost": "much", "gates": 3}', encoding="utf-8"
    )
    report = measure(read_corpus(folder))
    assert report.calls == [] and report_page(report) and report_text(report)


def test_what_stands_out() -> None:
    with REVIEWS.open(newline="", encoding="utf-8") as file:
        texts = [r["text"] for r in csv.DictReader(file)]
    sound = measure(corpus_of("sound", [{"text": t} for t in texts]))
    assert findings_of(sound) == ()
    spoilt = measure(
        corpus_of("spoilt", [{"text": t} for t in texts[:60] * 2]), corpus_of("real", [{"text": t} for t in texts])
    )
    told = " ".join(f.text for f in findings_of(spoilt))
    assert "50% of rows nearly repeat" in told and "100% of rows copy the original" in told


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.0, "share", "0%"), (0.00004, "share", "0%"), (0.004, "share", "0.40%"), (0.999, "share", "100%"), (3.0, "number", "3"),
     (12.34, "number", "12.3"), (0.012, "number", "0.012"), (-4.2, "number", "-4.20"), (1.0, "ratio", "1.00")],
)  # fmt: skip
def test_figures_as_text(value: float, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


def test_plots_stay_in_their_frame() -> None:
    plots = [
        curve_plot([0, 10, 20], [0.0, 0.0, 0.0], "share", "flat"),
        curve_plot([0, 10, 20], [5.0, -3.0, 1e9], "number", "wild"),
        histogram_plot([1], 1, [1.0], [0.5], "one bar"),
        matrix_plot(["a" * 80, "<b>"], [[1, 2], [0, 0]], "wide"),
        matrix_plot([str(i) for i in range(30)], [[1] * 30] * 30, "many"),
        scale_plot(1.7, -2, "beyond"),
    ]
    for plot in plots:
        elements = parsed(str(plot))
        assert not elements.faults and not elements.open
        width, height = map(float, str(elements.found[0][1]["viewbox"]).split()[2:])
        for tag, attributes in elements.found:
            if tag == "circle":
                assert 0 <= float(attributes["cx"] or 0) <= width and 0 <= float(attributes["cy"] or 0) <= height
    assert "<b>" not in str(plots[3])


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read(scheme: int) -> None:
    """Contrast of 4.5 to 1 for text (WCAG AA), 3 to 1 for marks."""
    style = files("synthspec.evaluation.report").joinpath("page.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[scheme]))

    def contrast(a: str, b: str) -> float:
        high, low = sorted((_luminance(colours[a]), _luminance(colours[b])), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for ink in ("ink", "soft", "accent", "bad", "good"):
        for ground in ("back", "card"):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    assert contrast("accent-ink", "accent") >= 4.5 and contrast("bad", "badwash") >= 4.5
    assert contrast("original", "card") >= 3


# in a real browser


class _Browser:
    """Headless Chromium over its DevTools protocol."""

    def __init__(self, binary: str, profile: str) -> None:
        self.process = subprocess.Popen(
            [binary, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--remote-allow-origins=*",
             f"--user-data-dir={profile}", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.port_file = Path(profile) / "DevToolsActivePort"

    async def look(self, page: Path, width: int, dark: bool) -> dict[str, Any]:
        """The page's width, what it logged, and how many rows its filter leaves."""
        import aiohttp

        for _ in range(150):
            if self.port_file.is_file() and "\n" in self.port_file.read_text():
                break
            await asyncio.sleep(0.1)
        port = self.port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                target = next(t for t in await reply.json() if t["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                return await self._look(socket, page, width, dark)

    async def _look(self, socket: Any, page: Path, width: int, dark: bool) -> dict[str, Any]:
        logged: list[Any] = []
        number = 0

        async def send(method: str, **parameters: Any) -> dict[str, Any]:
            nonlocal number
            number += 1
            await socket.send_json({"id": number, "method": method, "params": parameters})
            while True:
                message = await socket.receive_json(timeout=300)
                if message.get("id") == number:
                    return dict(message.get("result", {}))
                if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled",
                                             "Network.requestWillBeSent", "Page.javascriptDialogOpening"):  # fmt: skip
                    logged.append(message)

        for domain in ("Page", "Log", "Runtime", "Network"):
            await send(f"{domain}.enable")
        await send(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await send("Emulation.setEmulatedMedia", features=[scheme])
        await send("Page.navigate", url=page.as_uri())
        for _ in range(3_000):
            ready = await send("Runtime.evaluate", expression="document.readyState")
            if ready["result"]["value"] == "complete":
                break
            await asyncio.sleep(0.1)
        found = await send("Runtime.evaluate", returnByValue=True, expression=LOOK)
        here = page.as_uri()
        requests = [m["params"]["request"]["url"] for m in logged if m["method"] == "Network.requestWillBeSent"]
        faults = [m for m in logged if m["method"] != "Network.requestWillBeSent"]
        return {
            **found["result"]["value"],
            "faults": faults,
            "loaded": [u for u in requests if u not in (here, "data:,")],
        }


LOOK = """(() => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  const wide = document.documentElement.scrollWidth, back = getComputedStyle(document.body).backgroundColor;
  const box = document.getElementById('filter');
  let left = null;
  if (box) { box.value = 'no row holds this'; box.dispatchEvent(new Event('input'));
    left = [...document.querySelectorAll('#rows details.row')].filter(r => !r.hidden).length; }
  return {wide, inner: innerWidth, back, left, shown: box ? getComputedStyle(box.parentNode).display : null};
})()"""


@pytest.fixture
def browser() -> Iterator[_Browser]:
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no Chromium is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        found = _Browser(binary, profile)
        yield found
        found.process.kill()
        found.process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["report", "hostile", "compare"])
def test_in_a_browser(browser: _Browser, built: Path, hostile: Path, tmp_path: Path, kind: str) -> None:
    page = tmp_path / "page.html"
    arguments = {
        "report": ["report", str(built), "--against", str(REVIEWS)],
        "hostile": ["report", str(hostile)],
        "compare": ["compare", str(built), str(REVIEWS), str(hostile)],
    }
    result = CliRunner().invoke(cli, [*arguments[kind], "--format", "html", "--out", str(page)])
    assert result.exit_code == 0, result.output
    for width in (360, 1280):
        for dark in (False, True):
            seen = asyncio.run(browser.look(page, width, dark))
            assert seen["faults"] == [] and seen["loaded"] == []
            assert seen["wide"] <= seen["inner"] == width
            light = sum(map(int, re.findall(r"\d+", seen["back"])[:3])) / 3 > 128
            assert light != dark
            if kind != "compare":
                assert seen["left"] == 0 and seen["shown"] == "flex"
