"""Framed problems as data sets of other libraries, a file each."""
