"""What other versions of longlag have stored: outcomes of another schema, trials of other names."""

from __future__ import annotations

import json
from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING

from longlag.store.records import StoreError

if TYPE_CHECKING:
    from longlag.trials.outcome import Outcome


def read_outcome(path: Path, trial: str, text: str) -> Outcome:
    """The outcome of a trial as it stands in a store.

    Args:
        path: The file of the store.
        trial: Name of the trial.
        text: The outcome, as JSON.

    Raises:
        StoreError: A newer longlag wrote it, or it cannot be read.
    """
    from longlag.trials.outcome import Outcome  # which loads jax

    try:
        return Outcome.read(json.loads(text))
    except ValueError as error:
        raise StoreError(f"{path}: trial {trial}: {error}") from error


def notice(path: Path, trials: Sized) -> str:
    """What is said of a store that holds these trials of an earlier longlag; else empty.

    >>> notice(Path("longlag.db"), range(120))
    'longlag.db: 120 trials of an earlier longlag are listed, but not reused: results may differ.'
    """
    if not (count := len(trials)):
        return ""
    counted = "1 trial" if count == 1 else f"{count:,} trials"
    verb = "is" if count == 1 else "are"
    return (
        f"{path.name}: {counted} of an earlier longlag {verb} listed, but not reused: results may "
        "differ."
    )
