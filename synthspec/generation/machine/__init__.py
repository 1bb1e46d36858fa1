"""The pure row machine: one combination's work as frozen values."""
