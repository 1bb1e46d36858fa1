"""`rows.sqlite`: what rows came to, and which completions made them."""
