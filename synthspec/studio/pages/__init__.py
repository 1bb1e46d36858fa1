"""The pages of the studio, one module each, found by its name.

A module here holds `ROUTES`, a tuple of Starlette's routes, and, where it is a page about one spec, `TAB`, a
`synthspec.studio.context.Tab`: its place among the tabs of a spec.
"""
