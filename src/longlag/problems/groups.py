"""Groups: what a model must keep to solve a problem."""

GROUPS = {
    "the current input": "nothing: the target follows from the input of the same step",
    "recall by position": "a queue of values, in their order",
    "recall by mark": "the marked values alone",
    "recall by key": "a table of keys and their values",
    "automaton": "one of a few states, which every input may change",
    "counter": "a number that grows with the sequence",
    "stack": "a string that is read backwards",
    "arithmetic": "the numbers of a calculation",
}
"""What must be kept, by the name of the group, from easy to explain to hard."""
