"""A class that has nothing to do with Mesa."""


class Walk:
    """No model."""
