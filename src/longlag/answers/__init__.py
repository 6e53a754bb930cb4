"""Answers: what a question came to, for a reader, a program, a notebook or a paper."""
