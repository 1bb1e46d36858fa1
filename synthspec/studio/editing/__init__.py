"""What the editor page does to files: reading and saving specs as they are, merging, drafts, insertions."""
