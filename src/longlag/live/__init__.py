"""The live page: what a network needs, sees, learns and uses, while one changes the knobs."""
