"""Engines: where the work of a build is done. `local` runs it in one process, on asyncio."""
