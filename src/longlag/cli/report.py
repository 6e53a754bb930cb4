"""`longlag report`: one HTML page about the studies of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from longlag import files
from longlag.adapters import user_code
from longlag.cli._flags import STORE, Several, StorePath, code_files
from longlag.cli._output import Force, stdout_to_stderr
from longlag.cli._terminal import warn
from longlag.store.store import Store
from longlag.studies.registry import KINDS


def report(
    *,
    store: StorePath = STORE,
    out: Path = Path("report.html"),
    study: Several = (),
    model: Several = (),
    problem: Several = (),
    title: str | None = None,
    figures: Path | None = None,
    format: Literal["svg", "png"] = "svg",
    force: Force = False,
) -> None:
    """Write one self-contained HTML page about the saved studies.

    Args:
        out: File to write the page to.
        study: Studies to report on: the first letters of their names, or their kinds. Default: all.
        model: Your own models that may be run to draw their maps: path/to/file.py:NAME, each.
        problem: Your own problems, likewise. Default: no code that the store names is run.
        title: Title of the page.
        figures: Also write every figure to this folder.
        format: File format of these figures.
    """
    inputs = {"--store": store, **code_files(*model, *problem)}
    files.check_outputs({"--out": (out, "HTML")}, inputs, force=force)
    if figures is not None:
        if figures.absolute() == out.absolute():
            raise ValueError(f"--figures: {figures} is --out too. Name a folder.")
        files.check_folder(figures, {}, force=True)
    for reference in (*model, *problem):
        user_code.from_reference(reference)
    with Store(store) as saved:
        chosen = list({each.id: each for each in map(saved.study, study)}.values())
        chosen = chosen or saved.studies()
        if not chosen:
            raise ValueError(f"There is no study in {store}. Run one: longlag {', '.join(KINDS)}.")
        from longlag.report import page_of_store

        with stdout_to_stderr():
            page = page_of_store(saved, chosen, title=title)
    if figures is not None and figures.exists():
        paths = [figures / f"{name}.{format}" for name in page.figures()]
        drawings = {f"--figures: {path.name}": (path, format.upper()) for path in paths}
        files.check_outputs(drawings, {**inputs, "--out": out}, force=force)
    page.save(out)
    for line in page.left_out:
        warn(f"Left out: {line}")
    warn(f"{out}: {out.stat().st_size / 2**20:.2f} MiB.")
    if figures is not None:
        warn(f"{figures}: {len(page.save_figures(figures, format))} figures.")
