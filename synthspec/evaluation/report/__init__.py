"""A dataset measured and shown: `measure.py` gives the figures, `text.py` and `page.py` show them."""
