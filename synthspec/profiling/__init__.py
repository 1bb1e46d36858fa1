"""A spec from a sample. Values flow one way: Table → Sample → Profile → Proposal → text.

`sample` reads values as people mean them, `columns/` says what each holds, `relations/` what they have to do with
each other, `propose` writes it down as a spec, `tried` has the compiler try it, `yaml_text` is its text. `declared/`
makes proposals of what is declared instead of seen: a JSON Schema, a Pydantic model, SQL tables.
"""
