"""`synthspec lsp`: the language service over the Language Server Protocol, for editors."""
