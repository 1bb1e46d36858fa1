"""Running a simulation for its rows: what code it is, who trusts it, the process it runs in, the rows it left.

`child.py` is the program of that process: it imports nothing of synthspec, and nothing here imports it.
"""
