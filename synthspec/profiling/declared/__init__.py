"""Specs of what is declared instead of seen: a JSON Schema, a Pydantic model, SQL tables.

Each becomes `Declared` fields, a JSON Schema each; `propose` makes a spec of them. Where nothing is declared (how large
a number is, how often a value is missing) a guess stands there, and the comment says that it is one.
"""
