"""`longlag cite`: how to cite longlag, and what was run."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from longlag.cli._flags import STORE
from longlag.cli._output import OUTPUT, OutputFlags
from longlag.studies.citation import cite as citation


def cite(
    *, store: Path | None = None, study: str | None = None, output: OutputFlags = OUTPUT
) -> None:
    """Print BibTeX and a sentence for the methods section of a paper, in LaTeX.

    Args:
        store: File with saved trials, to say what was run.
        study: Only this study: the first letters of its name, or its kind.
    """
    if study is not None and store is None:
        store = STORE
    output.check({"--store": store})
    found = citation(store, study=study)
    output.write(found.to_dict, lambda: [Text(found.bibtex), Text(), Text(found.latex)])
