"""Adapters: problems for the trainers and files of other libraries, one file each.

Nothing is imported before it is asked for: `from longlag.adapters.datasets.torch import Stream`.
"""
