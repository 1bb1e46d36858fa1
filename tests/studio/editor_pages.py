"""The editor page in a browser: its text, its cursor and how it stands, for the tests of it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from studio.serving import until

EDIT = "/spec/calls.yaml/edit"
_VIEW = """
  const { EditorView } = await import("/static/vendor/codemirror.js");
  const view = EditorView.findFromDOM(document.querySelector(".cm-editor"));
"""


def opened(page: Any) -> Any:
    """The page, once its plan is there and drafts were looked for."""
    page.wait_for_selector("#editor[data-planned][data-drafts]", state="attached")
    return page


def text_of(page: Any) -> str:
    """The text that is edited: what is drawn of it may be a part."""
    return str(page.evaluate(f"async () => {{ {_VIEW} return view.state.doc.toString(); }}"))


def at(page: Any, before: str) -> None:
    """Put the cursor before a text."""
    page.evaluate(
        f"""async text => {{
          {_VIEW}
          const place = view.state.doc.toString().indexOf(text);
          if (place < 0) throw new Error("not there: " + text);
          view.dispatch({{ selection: {{ anchor: place }} }});
          view.focus();
        }}""",
        before,
    )


def drafted(folder: Path, text: str) -> None:
    """Wait until a draft that holds a text is beside the specs."""
    end = time.monotonic() + 60
    while not any(text in draft for draft in drafts_in(folder)):
        assert time.monotonic() < end, f"no draft holds {text!r}"
        time.sleep(0.05)


def drafts_in(folder: Path) -> list[str]:
    """The drafts beside the specs, as they are stored."""
    found = []
    for path in (folder / ".synthspec").rglob("*.json"):
        with contextlib.suppress(FileNotFoundError):  # a page just removed it
            found.append(path.read_text())
    return found


def saved(page: Any) -> None:
    """Wait until the text is that of the file."""
    until(page, "document.getElementById('state').textContent === 'Saved'")
