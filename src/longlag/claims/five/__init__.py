"""Claims of the suite of five problems."""
