"""A build watched from outside: its events as lines of JSON, its figures for Prometheus, its end as one JSON object.

All of it is a fold over the stream of events (`inference/events.py`) and reads the build's own tally, so that each
figure has one definition. None of it may harm a build: where a file or a socket fails, that is said once.
"""
