"""A model that never ends."""

import time

while True:
    time.sleep(1)


class Walk:
    """Never comes about."""
