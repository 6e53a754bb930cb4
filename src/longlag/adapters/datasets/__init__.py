"""Framed problems as data sets of other libraries, one module each."""
