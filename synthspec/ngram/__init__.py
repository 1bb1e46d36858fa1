"""The embedded n-gram model: rows of a source, spliced into new ones where their contexts agree.

    tokens → corpus → walk → text      a column's texts, indexed by context; a walk over them; the text it makes
    material → draw → row              what a spec gives to learn from; a row, field by field

`synthspec.backends.ngram` is the only door to it.
"""
