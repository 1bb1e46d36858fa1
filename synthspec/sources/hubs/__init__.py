"""Datasets of the Hugging Face hub: which files hold a split (`layout.py`), and how they come here (`fetching.py`)."""
