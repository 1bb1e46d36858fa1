"""One module a kind of document, found by the suffixes it names:

    SUFFIXES: tuple[str, ...]      # (".md",): a literal, read without importing the module
    PACKAGES: tuple[str, ...]      # optional: what it imports of the extra `documents`
    def read(data: bytes, encoding: str | None) -> Document      # may raise DocumentFault

It loads what is heavy inside `read`. Whatever else `read` raises is a broken file.
"""
