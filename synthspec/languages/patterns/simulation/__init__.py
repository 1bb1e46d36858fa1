"""Matching in counted steps: what is viable is found from the end of the text, then a match is read from its start."""
