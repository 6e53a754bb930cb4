"""Claims of the echo tutorial."""
