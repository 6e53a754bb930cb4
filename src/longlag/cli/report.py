"""`longlag report`: one HTML page about the studies of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from longlag.cli._output import errors, refusing, writable
from longlag.store.store import Store

STORE = Path("longlag.db")
REPORT = Path("report.html")


def report(
    *,
    store: Path = STORE,
    out: Path = REPORT,
    study: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)] = (),
    title: str | None = None,
    figures: Path | None = None,
    format: Literal["svg", "png"] = "svg",
) -> None:
    """Write one HTML page about the studies of a store, to be read in any browser.

    The page loads nothing from anywhere.

    Args:
        store: The file in which trials are kept.
        out: The page.
        study: Studies to report on, by the first letters of their names or their kinds; all by
            default.
        title: Heading of the page.
        figures: Write every figure to this folder too.
        format: As what figures are written.
    """
    writable(out)
    with refusing(), Store(store) as kept:
        named = {found.id: found for found in map(kept.study, study)}
        chosen = list(named.values()) if study else kept.studies()
        if not chosen:
            raise ValueError(f"There is no study in {store}. Ask one: longlag frontier, say.")
        from longlag.report import page_of_store

        page = page_of_store(kept, chosen, title=title)
        page.save(out)
        errors.print(f"{out}: {out.stat().st_size / 2**20:.2f} MiB.", markup=False)
        if figures is not None:
            written = page.save_figures(figures, format)
            errors.print(f"{figures}: {len(written)} figures.", markup=False)
