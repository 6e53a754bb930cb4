"""Parts of layers whose features are split into heads, each with a memory of its own."""

from __future__ import annotations


def check_heads(owner: str, heads: int, width: int, what: str) -> None:
    """Refuse heads that are not of equal size, with the nearest number that will do.

    Args:
        owner: The class that is told so.
        heads: Number of heads.
        width: Number of features that they share.
        what: What these features are, as it is named to the caller.

    Raises:
        ValueError: The heads do not divide the features.

    >>> check_heads("DeltaNet", 3, 8, "hidden_size")
    Traceback (most recent call last):
    ValueError: DeltaNet: `heads` must divide hidden_size (8), got 3. Use heads=2.
    """
    if width % heads:
        nearest = max(each for each in range(1, min(heads, width) + 1) if width % each == 0)
        raise ValueError(
            f"{owner}: `heads` must divide {what} ({width}), got {heads}. Use heads={nearest}."
        )
