"""The studio: a local web page in which datasets are specified, built, read and reviewed.

A face beside the command line: it edits the same files, starts the same commands, and keeps nothing that they need.
`docs/studio.md` says how it is used and how it is kept safe. It needs the packages of the extra `studio`.
"""
