"""Keys that people bring from other tools, and what says the same here."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.diagnostics.remedies import remove, write

_SETTING = "write it under `backend`: `backend: {{provider: …, model: …, {0}: …}}`"
_ROWS = "write `rows: …` at the top of the file"
_MESSAGES = "write `system: …` and `user: …` in the prompt"
_DIALOGUE = "write `dialogue: {customer: {system: …, as: user}, agent: {system: …, as: assistant}}`"
_FORMATS = write("output: {formats: [jsonl]}") + "; `--out DIR` sets the output folder"
_FIELDS = write("fields: {name: {type: string}}")
_PARAMETERS = write("parameters: {name: [one, two]}")

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
    "model": write("backend: PROVIDER:MODEL"),
    "model_name": write("backend: PROVIDER:MODEL"),
    "llm": write("backend: PROVIDER:MODEL"),
    "provider": write("backend: PROVIDER:MODEL"),
    "engine": write("backend: PROVIDER:MODEL"),
    "base_url": _SETTING.format("base_url"),
    "api_base": _SETTING.format("base_url"),
    "messages": _MESSAGES,
    "conversation": _DIALOGUE,
    "conversations": _DIALOGUE,
    "turns": _DIALOGUE,
    "speakers": _DIALOGUE,
    "system_prompt": "write `system: …` in the prompt",
    "system_message": "write `system: …` in the prompt",
    "instruction": "write `user: …` in the prompt",
    "prompt_template": "write `user: …` in the prompt",
    "template": "write `user: …` in the prompt",
    "tools": "declare tools under `tools:` of the file, and name them on a speaker or a prompt: `tools: [name]`",
    "functions": remove() + ": prompts call no tools",
    "tool_choice": remove() + ": prompts call no tools",
    "response_format": remove() + ": replies are constrained to the schema of `fields`",
    "json_schema": remove() + ": replies are constrained to the schema of `fields`",
    "output_format": _FORMATS,
    "output_path": _FORMATS,
    "output_dir": _FORMATS,
    "output_file": _FORMATS,
    "api_key": remove() + ": keys come from the environment, such as OPENAI_API_KEY",
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
    "version": write("synthspec: 1"),
}
_IN_A_PROMPT: Mapping[str, str] = {
    "n": "write `rows: …` for several rows from one call",
    "count": "write `rows: …` for several rows from one call",
    "prompt": "write `user: …`",
    "content": "write `user: …`",
    "text": "write `user: …`",
    "outputs": write("writes: [field]"),
    "output": write("writes: [field]"),
    "returns": write("writes: [field]"),
    "condition": "write `when: …`",
    "if": "write `when: …`",
    "few_shot": write("examples: {from: SOURCE, rows: 3}"),
    "shots": write("examples: {from: SOURCE, rows: 3}"),
}


_RANGE = "write an expression: `uniform(low, high)`, or `integer(low, high)` for whole numbers"
_DISTRIBUTIONS = ("uniform", "normal", "lognormal", "integer", "poisson", "exponential", "gamma", "beta", "choice")
_IN_A_PARAMETER: Mapping[str, str] = {
    **{name: f"write an expression: `{name}(…)`" for name in _DISTRIBUTIONS},
    **dict.fromkeys(("gaussian", "gauss"), "write an expression: `normal(mean, sd)`"),
    **dict.fromkeys(("randint", "int", "integers"), "write an expression: `integer(low, high)`"),
    **dict.fromkeys(("min", "max", "low", "high", "minimum", "maximum", "range"), _RANGE),
    **dict.fromkeys(("source", "table", "data", "dataset"), write("from: SOURCE")),
    **dict.fromkeys(("choices", "options", "enum", "items", "list", "one_of", "categories"), "write `values: […]`"),
    **dict.fromkeys(("regex", "regexp"), "write `pattern: '…'`"),
    **dict.fromkeys(("expression", "expr", "formula"), "write the expression alone: `NAME: EXPRESSION`"),
}
_IN_A_FIELD: Mapping[str, str] = {
    **dict.fromkeys(("max_words", "min_words"), "write `words: {min: …, max: …}`"),
    **dict.fromkeys(("values", "choices", "options", "categories"), "write `enum: […]`"),
    **dict.fromkeys(("expression", "expr", "formula", "from"), write("value: EXPRESSION")),
    "nullable": write("optional: true"),
    "regex": "write `pattern: '…'`",
    "prompt": "write it under `prompts`, with `writes: [field]`",
    "unique": "write it under `novelty`: `unique: field`",
}
_IN_NOVELTY: Mapping[str, str] = {
    **dict.fromkeys(("threshold", "min_similarity", "max_similarity"), "write `similarity: …` (0 to 1)"),
    **dict.fromkeys(("field", "column", "columns", "on"), write("fields: [field]")),
}
_IN_A_SPEAKER: Mapping[str, str] = {
    **dict.fromkeys(("role", "plays"), write("as: user") + " or `as: assistant`"),
    **dict.fromkeys(("system_prompt", "prompt", "instructions", "user", "persona"), "write `system: …`"),
    **dict.fromkeys(("model", "llm", "provider"), write("backend: PROVIDER:MODEL")),
    **dict.fromkeys(("first_message", "greeting", "initial_message", "opener"), "write `opening: …`"),
}
_FILES = write("files: 'FOLDER/**/*'")
_IN_A_SOURCE: Mapping[str, str] = {
    **dict.fromkeys(("folder", "dir", "directory", "documents", "docs", "glob"), _FILES),
    **dict.fromkeys(("sql", "select", "duckdb"), "write `query: select … from 'file.csv'`"),
    **dict.fromkeys(("dataset", "repo", "hf", "huggingface"), write("hub: owner/name")),
    **dict.fromkeys(("data", "values", "items"), write("rows: [{name: value}]")),
    **dict.fromkeys(
        ("path", "filename", "location", "csv", "url", "parquet", "jsonl", "excel", "xlsx"),
        "write `file: …`, a path below the spec's folder",
    ),
    "separator": "write `delimiter: …`",
    "sep": "write `delimiter: …`",
}


_SPLIT = write("split: {train: 0.9, test: 0.1}")
_IN_THE_OUTPUT: Mapping[str, str] = {
    **dict.fromkeys(("path", "dir", "folder", "directory", "file"), remove() + ": `--out DIR` sets the output folder"),
    **dict.fromkeys(("test_size", "train_size", "train_test_split", "train", "test"), _SPLIT),
}
_IN_THE_LIMITS: Mapping[str, str] = dict.fromkeys(("retries", "max_retries"), "write `attempts: …`")
_NOTHING: Mapping[str, str] = {}
_BY_DEPTH: Mapping[tuple[str, int], Mapping[str, str]] = {
    ("prompts", 2): {**_ANYWHERE, **_IN_A_PROMPT},
    ("sources", 2): _IN_A_SOURCE,
    ("parameters", 2): _IN_A_PARAMETER,
    ("fields", 2): _IN_A_FIELD,
    ("novelty", 2): _IN_NOVELTY,
    ("output", 1): _IN_THE_OUTPUT,
    ("limits", 1): _IN_THE_LIMITS,
}
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("str", "text", "varchar", "char"), "string"),
    **dict.fromkeys(("int", "int64", "long"), "integer"),
    **dict.fromkeys(("float", "double", "decimal", "real"), "number"),
    **dict.fromkeys(("bool", "logical"), "boolean"),
    **dict.fromkeys(("list", "tuple", "set"), "array"),
    **dict.fromkeys(("dict", "map", "json", "struct"), "object"),
    **dict.fromkeys(("conversation", "chat", "dialogue", "dialog"), "messages"),
}


def hint_for(name: str, path: tuple[str | int, ...], value: object = None) -> str | None:
    """What to write instead of a key of another tool in the part of a spec at this path; None for every other key.
    `value` is what the key has.
    """
    if not path:
        return _AT_THE_TOP.get(name) or _ANYWHERE.get(name)
    if path == ("output",) and name in ("format", "type"):
        return write(f"formats: [{value}]") if isinstance(value, str) and value.isalnum() else write("formats: [jsonl]")
    if path[0] == "prompts" and len(path) == 4 and path[2] == "dialogue":
        return _IN_A_SPEAKER.get(name)
    return _BY_DEPTH.get((str(path[0]), len(path)), _NOTHING).get(name)


def type_for(name: str) -> str | None:
    """The type of a field that another tool, or a programming language, calls by this name."""
    return _TYPES.get(name.lower())
