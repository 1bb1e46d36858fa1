"""What a plan holds and what it is expected to use: calls, tokens, money, before anything is paid for."""
