"""SQL over data files, by DuckDB: what a query may say (`statement.py`), how it is run (`running.py`, `process.py`).

DuckDB opens no file. The tables of a query are the files that it names, found and opened by synthspec as every source
is, so that it reads nothing outside the spec's folder; beside that DuckDB's own access to files, network, extensions
and settings is off, and it runs in a process with bounded memory and time and without the secrets of ours.
"""
