"""What is shipped for editors: the extension loads and starts the server, and the settings in the docs can be read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "editors" / "vscode"
PAGE = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")

LOADS = """
const Module = require("node:module");
const seen = {commands: [], started: 0, stopped: 0, servers: []};
const fakes = {
  "vscode": {
    commands: {registerCommand: (name, run) => { seen.commands.push(name); seen.restart = run; }},
    window: {showErrorMessage: (text) => { seen.error = text; }},
    workspace: {
      getConfiguration: () => ({get: () => [process.argv[1], "lsp"]}),
      workspaceFolders: [{uri: {fsPath: "/home/someone"}}],
      createFileSystemWatcher: (pattern) => pattern,
      onDidChangeConfiguration: () => ({}),
    },
  },
  "vscode-languageclient/node": {
    LanguageClient: class {
      constructor(id, name, server, client) { seen.servers.push({...server, ...client}); }
      async start() { seen.started += 1; if (process.argv[2]) throw new Error(process.argv[2]); }
      async stop() { seen.stopped += 1; }
    },
  },
};
const load = Module._load;
Module._load = (name, ...rest) => fakes[name] ?? load(name, ...rest);
const extension = require(process.cwd() + "/extension.js");
(async () => {
  await extension.activate({subscriptions: []});
  if (!process.argv[2]) await seen.restart();
  await extension.deactivate();
  console.log(JSON.stringify(seen));
})();
"""


def loaded(*arguments: str) -> dict[str, object]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not there")
    done = subprocess.run([node, "-e", LOADS, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_extension_starts_and_restarts_the_server() -> None:
    seen = loaded(".venv/bin/synthspec")
    assert (seen["started"], seen["stopped"], seen["commands"]) == (2, 2, ["synthspec.restart"])
    server = seen["servers"][0]
    assert (server["command"], server["args"]) == ("/home/someone/.venv/bin/synthspec", ["lsp"])
    assert {"language": "yaml", "scheme": "untitled"} in server["documentSelector"]
    assert loaded("synthspec")["servers"][0]["command"] == "synthspec"


def test_a_server_that_is_not_there_is_told() -> None:
    assert "no such program" in str(loaded("synthspec", "no such program")["error"])


def test_its_manifest_names_what_is_there() -> None:
    manifest = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    assert (FOLDER / manifest["main"]).is_file()
    text = (FOLDER / manifest["main"]).read_text(encoding="utf-8")
    for told in manifest["contributes"]["commands"]:
        assert f'"{told["command"]}"' in text
    assert set(re.findall(r'require\("(?!node:|vscode")([\w-]+)', text)) == set(manifest["dependencies"])
    assert manifest["contributes"]["configuration"]["properties"]["synthspec.command"]["default"] == [
        "synthspec",
        "lsp",
    ]


def test_the_settings_in_the_docs_can_be_read() -> None:
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL))
    assert tomllib.loads(blocks["toml"])["language-server"]["synthspec"] == {"command": "synthspec", "args": ["lsp"]}
    assert "yaml-language-server" in json.loads(blocks["json"])["lsp"]
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    assert {h["id"] for h in yaml.safe_load(blocks["yaml"])["repos"][0]["hooks"]} <= hooks
    assert blocks["lua"].count("{") == blocks["lua"].count("}")
    for shell in ("bash", "zsh", "fish"):
        assert f"_SYNTHSPEC_COMPLETE={shell}_source" in blocks["sh"]
