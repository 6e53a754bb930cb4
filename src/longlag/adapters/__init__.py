"""Adapters: problems for the trainers and files of other libraries, one file each.

Each module is imported on demand: `from longlag.adapters.datasets.torch import Stream`.
"""
