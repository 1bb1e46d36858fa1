"""One module a kind of document, found by the suffixes it names:

    SUFFIXES: tuple[str, ...]      # (".md",): a literal, read without importing the module
    PACKAGES: tuple[str, ...]      # optional: what must be importable; of built-ins, what the extra `documents` brings
    VERSION: str                   # optional, of a package's: raised when it reads otherwise; what it read is then kept
    def read(data: bytes, encoding: str | None) -> Document      # may raise DocumentFault

It loads what is heavy inside `read`. Whatever else `read` raises is a broken file. A package adds one through the entry
point group `synthspec.document_kinds`, whose names are suffixes without their dot.
"""
