"""Keys that people bring from other tools, and what says the same here."""

from __future__ import annotations

from collections.abc import Mapping

_SETTING = "write it under `backend`: `backend: {{provider: …, model: …, {0}: …}}`"
_ROWS = "write `rows: …` at the top of the file"
_MESSAGES = "write `system: …` and `user: …` in the prompt"
_FORMATS = "write `output: {formats: [jsonl]}`; where the files go is said by `--out DIR`"
_FIELDS = "write `fields: {name: {type: string}}`"
_PARAMETERS = "write `parameters: {name: [one, two]}`"

_SETTINGS = ("temperature", "top_p", "max_tokens", "stop", "reasoning_effort")
_COUNTS = ("n", "count", "num_rows", "num_samples", "num_records", "n_rows", "n_samples", "samples", "size",
           "max_rows", "num_examples", "total")  # fmt: skip

_ANYWHERE: Mapping[str, str] = {
    **{name: _SETTING.format(name) for name in _SETTINGS},
    "max_completion_tokens": _SETTING.format("max_tokens"),
    "max_new_tokens": _SETTING.format("max_tokens"),
    "max_output_tokens": _SETTING.format("max_tokens"),
    "stop_sequences": _SETTING.format("stop"),
    "topP": _SETTING.format("top_p"),
    "maxTokens": _SETTING.format("max_tokens"),
    "model": "write `backend: PROVIDER:MODEL`",
    "model_name": "write `backend: PROVIDER:MODEL`",
    "llm": "write `backend: PROVIDER:MODEL`",
    "provider": "write `backend: PROVIDER:MODEL`",
    "engine": "write `backend: PROVIDER:MODEL`",
    "base_url": _SETTING.format("base_url"),
    "api_base": _SETTING.format("base_url"),
    "messages": _MESSAGES,
    "conversation": _MESSAGES,
    "system_prompt": "write `system: …` in the prompt",
    "system_message": "write `system: …` in the prompt",
    "instruction": "write `user: …` in the prompt",
    "prompt_template": "write `user: …` in the prompt",
    "template": "write `user: …` in the prompt",
    "tools": "declare tools under `tools:` of the file, and name them on a speaker or a prompt: `tools: [name]`",
    "functions": "remove it: prompts call no tools",
    "tool_choice": "remove it: prompts call no tools",
    "response_format": "remove it: replies are held to the schema of `fields`",
    "json_schema": "remove it: replies are held to the schema of `fields`",
    "output_format": _FORMATS,
    "output_path": _FORMATS,
    "output_dir": _FORMATS,
    "output_file": _FORMATS,
    "api_key": "remove it: keys come from the environment, such as OPENAI_API_KEY",
    "max_retries": "write `limits: {attempts: …}`",
    "retries": "write `limits: {attempts: …}`",
    "num_retries": "write `limits: {attempts: …}`",
    "concurrency": "write `limits: {concurrency: …}`",
    "max_concurrency": "write `limits: {concurrency: …}`",
    "num_workers": "write `limits: {concurrency: …}`",
    "batch_size": "write `rows: …` in a prompt to ask for several rows at once",
    "budget": "write `limits: {budget: …}`",
    "max_cost": "write `limits: {budget: …}`",
    "rpm": "write `limits: {requests_per_minute: …}`",
    "tpm": "write `limits: {tokens_per_minute: …}`",
}
_AT_THE_TOP: Mapping[str, str] = {
    **dict.fromkeys(_COUNTS, _ROWS),
    "columns": _FIELDS,
    "schema": _FIELDS,
    "features": _FIELDS,
    "variables": _PARAMETERS,
    "inputs": _PARAMETERS,
    "params": _PARAMETERS,
    "attributes": _PARAMETERS,
    "dataset": "write `sources: {data: {file: …}}`",
    "data": "write `sources: {data: {file: …}}`",
    "user": "write `prompts: {text: {user: …}}`",
    "prompt": "write `prompts: {text: {user: …}}`",
    "version": "write `synthspec: 1`",
}
_IN_A_PROMPT: Mapping[str, str] = {
    "n": "write `rows: …` for several rows from one call",
    "count": "write `rows: …` for several rows from one call",
    "prompt": "write `user: …`",
    "content": "write `user: …`",
    "text": "write `user: …`",
    "outputs": "write `writes: [field]`",
    "output": "write `writes: [field]`",
    "returns": "write `writes: [field]`",
    "condition": "write `when: …`",
    "if": "write `when: …`",
    "few_shot": "write `examples: {from: SOURCE, rows: 3}`",
    "shots": "write `examples: {from: SOURCE, rows: 3}`",
}


_FILES = "write `files: 'FOLDER/**/*'`"
_IN_A_SOURCE: Mapping[str, str] = {
    **dict.fromkeys(("folder", "dir", "directory", "documents", "docs", "glob"), _FILES),
    **dict.fromkeys(("sql", "select", "duckdb"), "write `query: select … from 'file.csv'`"),
    **dict.fromkeys(("dataset", "repo", "hf", "huggingface"), "write `hub: owner/name`"),
    **dict.fromkeys(("data", "values", "items"), "write `rows: [{name: value}]`"),
    **dict.fromkeys(
        ("csv", "url", "parquet", "jsonl", "excel", "xlsx"), "write `file: …`, a path below the spec's folder"
    ),
    "separator": "write `delimiter: …`",
    "sep": "write `delimiter: …`",
}


def hint_for(name: str, path: tuple[str | int, ...]) -> str | None:
    """What to write instead of a key of another tool, at the top of a spec, in a prompt or in a source; None for
    every other key."""
    if not path:
        return _AT_THE_TOP.get(name) or _ANYWHERE.get(name)
    if path[0] == "prompts" and len(path) == 2:
        return _IN_A_PROMPT.get(name) or _ANYWHERE.get(name)
    if path[0] == "sources" and len(path) == 2:
        return _IN_A_SOURCE.get(name)
    if path == ("output",) and name in ("path", "dir", "folder", "directory", "file"):
        return "remove it: where the files go is said by `--out DIR`"
    if path == ("output",) and name in ("format", "type"):
        return "write `formats: [jsonl]`"
    if path == ("limits",) and name in ("retries", "max_retries"):
        return "write `attempts: …`"
    return None
