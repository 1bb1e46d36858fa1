"""What people said of rows, laid over them after every rule between rows has had its say.

A review is of a row's path and of the digest of its values as the build made them. It acts where both are still so, on
that row alone: the rows beside it, their splits and what was paid for stay as they are.
"""
