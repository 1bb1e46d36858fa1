"""Builds and previews that the studio starts: commands in processes of their own, watched by the files they write."""
