"""A model that fails as soon as it is read."""

SHARES = [0.5, 0.5]
REST = 1 / (1 - sum(SHARES))


class Walk:
    """Never comes about."""
