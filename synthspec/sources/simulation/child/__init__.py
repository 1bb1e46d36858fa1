"""The program that runs a model, in a process of its own. `start.py` loads it without anything else of synthspec.

It is handed a folder with `job.json`. What comes of it: `rows.jsonl`, one list of values for each row, and
`ended.json`, which says how it went. A short second run, in a fork, tells whether the model does the same again.
"""
