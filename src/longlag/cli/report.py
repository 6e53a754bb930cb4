"""`longlag report`: one HTML page about the studies of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from longlag.adapters import user_code
from longlag.cli._flags import STORE
from longlag.cli._output import errors, refusing, writable
from longlag.store.store import Store
from longlag.studies.registry import KINDS

REPORT = Path("report.html")


def report(
    *,
    store: Path = STORE,
    out: Path = REPORT,
    study: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)] = (),
    model: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)] = (),
    problem: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)] = (),
    title: str | None = None,
    figures: Path | None = None,
    format: Literal["svg", "png"] = "svg",
) -> None:
    """Write one self-contained HTML page about the saved studies.

    Args:
        store: File with the saved trials.
        out: File to write the page to.
        study: Studies to report on: the first letters of their names, or their kinds. Default: all.
        model: Your own models that may be run to draw their maps: path/to/file.py:NAME, each.
        problem: Your own problems, likewise. Default: no code that the store names is run.
        title: Title of the page.
        figures: Also write every figure to this folder.
        format: File format of these figures.
    """
    writable(out)
    with refusing(), Store(store) as kept:
        for reference in (*model, *problem):
            user_code.from_reference(reference)
        named = {found.id: found for found in map(kept.study, study)}
        chosen = list(named.values()) if study else kept.studies()
        if not chosen:
            raise ValueError(f"There is no study in {store}. Ask one: longlag {', '.join(KINDS)}.")
        from longlag.report import page_of_store

        page = page_of_store(kept, chosen, title=title)
        page.save(out)
        errors.print(f"{out}: {out.stat().st_size / 2**20:.2f} MiB.", markup=False, soft_wrap=True)
        if figures is not None:
            written = page.save_figures(figures, format)
            errors.print(f"{figures}: {len(written)} figures.", markup=False, soft_wrap=True)
