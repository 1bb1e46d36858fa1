"""Suites that a plug-in's author runs over it. They use plain `assert`, and work under pytest or by hand."""
