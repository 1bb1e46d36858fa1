"""The driver of a run: combinations opened in plan order, keys given, rows handed on in path order."""
