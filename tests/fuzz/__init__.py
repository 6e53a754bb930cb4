"""A seeded fuzzer of the command line, files, stores, checkpoints, kills and interrupts.

`python -m tests.fuzz --inputs 10000 --kills 200 --interrupts 100` is the long run.
"""
