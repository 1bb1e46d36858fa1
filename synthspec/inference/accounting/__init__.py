"""Money and counts: prices, estimates of tokens, reservations, and what a run has used."""
