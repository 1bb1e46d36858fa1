"""From a key to the problem it makes, in the studio's editor: a real browser, a spec of about 500 lines.

    python benchmarks/editor_typing.py [--times 20]

Needs the extra `studio`, `playwright` and Debian's `chromium`. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

PROMPTS = 41
TYPE = """async () => {
  const shown = () => document.querySelectorAll("#problems-list li").length > 0;
  const begun = performance.now();
  document.querySelector(".cm-content").focus();
  document.execCommand("insertText", false, " x");
  const typed = performance.now();
  while (!shown()) await new Promise(resolve => setTimeout(resolve, 2));
  const seen = performance.now();
  await new Promise(resolve => setTimeout(resolve, 50)); // the browser notes requests a little later
  const asked = performance.getEntriesByType("resource").find(e => e.startTime >= begun && e.name.includes("/api/language/"));
  const end = asked.responseEnd;
  performance.clearResourceTimings();
  return [seen - begun, typed - begun, asked.startTime - typed, end - asked.startTime, seen - end];
}"""
PARTS = ("in all", "the letter", "waiting", "the server's answer", "showing it")


def spec_text() -> str:
    """A spec with twice as many parameters as prompts, each prompt with a field and a check."""
    lines = ["synthspec: 1", "name: large", "rows: 200", "parameters:"]
    lines += [f"  p{n}: [calm, cross, hurried, 'v{n}']" for n in range(2 * PROMPTS)]
    lines.append("prompts:")
    for n in range(PROMPTS):
        lines += [
            f"  q{n}:",
            "    user: |",
            f"      What a {{{{ p{n} | upper }}}} caller says about {{{{ p{n + PROMPTS} }}}}.",
        ]
        lines += [f"      {{% if p{n} == 'calm' %}}Be short.{{% endif %}}", f"    writes: [t{n}]"]
    lines.append("fields:")
    for n in range(PROMPTS):
        lines += [f"  t{n}:", "    type: string", "    words: {min: 3, max: 60}", "    rejects: ['(?i)as an ai']"]
    return "\n".join([*lines, "checks:", *(f"  - words(t{n}) <= 60" for n in range(PROMPTS)), ""])


def measure(times: int) -> None:
    """Print how long the page takes, and each key."""
    from playwright.sync_api import sync_playwright

    from synthspec.studio.context import Studio
    from synthspec.studio.security import Door
    from synthspec.studio.server import StudioServer

    folder = Path(tempfile.mkdtemp())
    (folder / "large.yaml").write_text(spec_text(), encoding="utf-8")
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    studio = Studio(folder, Door(listening.getsockname()[1]), home=folder)
    server = StudioServer(studio)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(studio.door.address)
        begun = time.perf_counter()
        page.goto(f"http://127.0.0.1:{studio.door.port}/spec/large.yaml/edit")
        page.wait_for_selector("#editor[data-seen]", state="attached")
        print(f"{spec_text().count(chr(10))} lines; page to problems {time.perf_counter() - begun:.2f} s", end=", ")
        page.wait_for_selector("#editor[data-planned]", state="attached")
        print(f"to plan {time.perf_counter() - begun:.2f} s")
        page.click(".cm-content")
        page.keyboard.press("Control+Home")
        page.keyboard.press("End")
        took = []
        for _ in range(times):
            took.append(page.evaluate(TYPE))
            page.keyboard.press("Backspace")
            page.keyboard.press("Backspace")
            page.wait_for_selector("#problems-list .fine")
            time.sleep(1.2)  # until the plan is there again
        print("From a key to its problem in the list, milliseconds:")
        for part, each in zip(PARTS, zip(*took, strict=True), strict=True):
            print(f"{part:20} median {statistics.median(each):5.0f}, {min(each):5.0f} to {max(each):5.0f}")
        browser.close()
    server.should_exit = True
    thread.join()
    listening.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    measure(parser.parse_args().times)
