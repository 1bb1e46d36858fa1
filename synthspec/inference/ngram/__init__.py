"""The embedded n-gram model: rows of a source, spliced into new ones where their contexts agree.

    reading → corpus → walk → text          a column's texts; indexed by context; a walk over them; its text
    material → origin → pool → scene        what a spec gives to learn from, down to the rows that fit
    draft → rows                            a row, field by field; the rows of a request

`synthspec.inference.backends.ngram` is the only door to it.
"""
