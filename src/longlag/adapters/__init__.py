"""Adapters: problems for the trainers and files of other libraries, one file each.

Nothing of it is imported before it is asked for: `from longlag.adapters.torch import Stream`.
"""
