"""The lines of docs/editors.md in a real Neovim, without a screen: errors, hover, definition, completion, fix, renaming."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NVIM = shutil.which("nvim") or ""
SPEC = """\
synthspec: 1
name: calls
rows: 12
parameters:
  mood: [calm, cross]
  topic: [bill, meter]
prompts:
  call: {user: "Write what a {{ mod }} caller says about the {{ topic }}.", writes: [call]}
fields:
  mood: {value: mood}
  call: {type: string, words: {min: 3, max: 60}}
"""
DRIVE = """
local told = {}
local function line(n) return vim.api.nvim_buf_get_lines(0, n - 1, n, false)[1] end
local function soon(so) return vim.wait(60000, so, 50) end
local function at(l, c)
  vim.api.nvim_win_set_cursor(0, {l, c})
  return vim.lsp.util.make_position_params(0, 'utf-16')
end
local function ask(method, params)
  for _, answer in pairs(vim.lsp.buf_request_sync(0, method, params, 60000) or {}) do return answer.result end
end
local fine, why = pcall(function()
  vim.cmd('edit specs/calls.yaml')
  soon(function() return #vim.diagnostic.get(0) > 0 end)
  told.diagnostics = vim.tbl_map(function(d) return {d.lnum, d.code, d.message} end, vim.diagnostic.get(0))
  told.hover = ask('textDocument/hover', at(5, 3)).contents.value
  told.definition = ask('textDocument/definition', at(10, 17))[1].range.start.line
  local items = ask('textDocument/completion', at(8, line(8):find('{{ topic') + 3))
  told.completion = vim.tbl_map(function(item) return item.label end, items.items or items)
  at(8, line(8):find('mod') - 1)
  vim.lsp.buf.code_action({apply = true, filter = function(action) return action.title:find('mood') ~= nil end})
  soon(function() return line(8):find('mood') ~= nil end)
  told.cleared = soon(function() return #vim.diagnostic.get(0) == 0 end)
  at(5, 2)
  vim.lsp.buf.rename('temper')
  soon(function() return line(5):find('temper') ~= nil end)
  told.text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n') .. '\\n'
  told.outline = #ask('textDocument/documentSymbol', {textDocument = vim.lsp.util.make_text_document_params()})
end)
told.failed = not fine and why or nil
vim.fn.writefile({vim.json.encode(told)}, 'told.json')
vim.cmd('qa!')
"""


def is_new_enough() -> bool:
    """Whether there is a Neovim that knows `vim.lsp.config`."""
    if not NVIM:
        return False
    said = subprocess.run([NVIM, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"NVIM v(\d+)\.(\d+)", said)
    return version is not None and (int(version[1]), int(version[2])) >= (0, 11)


@pytest.mark.slow
def test_neovim_does_all_that_the_docs_say(tmp_path: Path) -> None:
    if not is_new_enough():
        pytest.skip("there is no Neovim 0.11 here")
    pytest.importorskip("pygls")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "calls.yaml").write_text(SPEC, encoding="utf-8")
    page = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
    found = re.search(r"```lua\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (tmp_path / "init.lua").write_text(found[1], encoding="utf-8")
    (tmp_path / "drive.lua").write_text(DRIVE, encoding="utf-8")
    command = tmp_path / "bin" / "synthspec"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m synthspec "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    own = {"XDG_STATE_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    env = {**os.environ, **own, "PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    asked = [NVIM, "--headless", "-u", "init.lua", "-c", "luafile drive.lua"]
    subprocess.run(asked, cwd=tmp_path, env=env, capture_output=True, timeout=600, check=True)
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert "failed" not in told, told
    assert [(line, code) for line, code, _ in told["diagnostics"]] == [(7, "E402")]
    assert "did you mean 'mood'" in told["diagnostics"][0][2] and told["cleared"]
    assert "**parameter** `mood`" in told["hover"] and told["definition"] == 4 and "topic" in told["completion"]
    fixed = SPEC.replace("{{ mod }}", "{{ mood }}")
    wanted = fixed.replace("  mood: [calm", "  temper: [calm").replace("{{ mood }}", "{{ temper }}")
    assert told["text"] == wanted.replace("{value: mood}", "{value: temper}")
    assert told["outline"] == 6
