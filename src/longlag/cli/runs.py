"""`longlag runs`: the finished trials of a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.cli._flags import STORE, Count, Json, Output
from longlag.cli._output import errors, print_rich, refusing, writable, write_json
from longlag.knobs import unknown
from longlag.store.records import VERDICTS, Record, StudyRecord
from longlag.store.store import Store


def runs(
    trial: str | None = None,
    /,
    *,
    store: Path = STORE,
    problem: str | None = None,
    model: str | None = None,
    verdict: str | None = None,
    study: str | None = None,
    limit: Count = 20,
    studies: Annotated[bool, Parameter(negative="")] = False,
    export: Path | None = None,
    tensorboard: Path | None = None,
    save: Path | None = None,
    json: Json = False,
    output: Output = None,
) -> None:
    """List, show or export saved trials, the latest first.

    A trial is one training run with one seed.

    Args:
        trial: ID of a trial to show; its first letters are enough.
        store: File with the saved trials.
        problem: Only trials whose problem begins with this.
        model: Only trials whose model begins with this.
        verdict: Only trials with this verdict: solved, unreachable, unstable, does not generalise,
            overfit, at chance, below chance, undertrained, stuck, unclear.
        study: Only trials of this study; the first letters of its name are enough.
        limit: How many to list; 0 lists all.
        studies: List the studies instead.
        export: Write the trials to FILE.csv or FILE.parquet.
        tensorboard: Write their learning curves to this folder, for TensorBoard.
        save: Write the trained model of the trial to this file, as safetensors.
    """
    writable(output)
    writable(save)
    with refusing(), Store(store) as kept:
        if limit < 0:
            raise ValueError(f"`limit` must be at least 0, got {limit}. Use limit=0 for all.")
        if save is not None and trial is None:
            raise ValueError("`--save` writes the model of one trial. Name it: longlag runs ID.")
        if studies:
            return _list_studies(kept, json, output)
        if trial is not None and (export or tensorboard):
            raise ValueError("`--export` and `--tensorboard` write many trials. Leave out the ID.")
        if verdict is not None and verdict not in VERDICTS:
            raise ValueError(unknown("There is no verdict", verdict, VERDICTS))
        if trial is not None:
            return _show(kept, kept.named(trial), save, json, output)
        chosen: dict[str, Any] = {
            "problem": problem,
            "model": model,
            "verdict": verdict,
            "study": None if study is None else kept.study(study).id,
        }
        if export is not None or tensorboard is not None:
            return _export(kept, kept.records(**chosen), export, tensorboard)
        records = kept.records(**chosen, limit=limit or None)
        if json:
            return write_json({"trials": [record._asdict() for record in records]}, output)
        return print_rich(*_list(kept, records, kept.count(**chosen)), path=output)


def _list(store: Store, records: Sequence[Record], found: int) -> list[Text | Table]:
    count = store.count()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("trial", "problem", "framing", "model", "seed", "skill", "verdict", "sequences"):
        right = name in ("seed", "skill", "sequences")
        table.add_column(name, justify="right" if right else "left", no_wrap=name == "trial")
    for record in records:
        table.add_row(
            record.id[:8],
            record.problem,
            record.framing,
            record.model,
            str(record.seed),
            f"{record.skill:.3f}",
            Text(record.verdict, style="green" if record.verdict == "solved" else "yellow"),
            f"{record.sequences:,}",
        )
    said = f"{len(records):,} of {count:,} finished trials"
    if len(records) < found:
        said += f"; --limit 0 lists all{f' {found:,} of these' if found < count else ''}"
    notice = filter(None, [store.notice()])
    return [table, Text(f"{said}.", style="dim"), *(Text(line, style="dim") for line in notice)]


def _list_studies(store: Store, json: bool, output: Path | None) -> None:
    found = store.studies()
    if json:
        return write_json({"studies": [study._asdict() for study in found]}, output)
    table = Table("study", "kind", "trials", "asked", "", "command", box=None, padding=(0, 2, 0, 0))
    for study in found:
        finished = str(store.count(study=study.id))
        table.add_row(
            study.id[:8],
            study.kind,
            finished,
            study.started[:16].replace("T", " "),
            "" if study.ended else "not ended",
            study.command,
        )
    return print_rich(table, path=output)


def _show(store: Store, trial: str, save: Path | None, json: bool, output: Path | None) -> None:
    outcome = store.outcome(trial)
    assert outcome is not None
    setting, weights, asking = store.setting(trial), store.weights(trial), _asking(store, trial)
    if save is not None:
        if weights is None:
            raise ValueError(
                f"The model of trial {trial} was not kept. Ask the study with --keep all."
            )
        save.write_bytes(weights)
    if json:
        document = {
            "trial": trial,
            "setting": setting,
            "versions": store.versions(trial),
            "model_kept": weights is not None,
            "studies": [study.id for study in asking],
            "skill": outcome.skill,
            "chance_probability": outcome.chance_probability,
            **outcome.document(),
            "scores": [
                {
                    "test": name,
                    "skill": score.skill,
                    "chance_probability": score.chance_probability,
                    **score.document(),
                }
                for name, score in outcome.scores.items()
            ],
        }
        return write_json(document, output)
    from longlag.scores.statistics import SOLVED
    from longlag.trials.diagnosis import diagnose

    solve_at = asking[0].question.get("solve_at", SOLVED) if asking else SOLVED
    figures = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for part, knobs in setting.items():
        if knobs is not None and part != "tests":
            figures.add_row(part, _words(knobs))
    posed = dict(setting.get("tests", ()))
    for name, score in outcome.scores.items():
        if posed:
            figures.add_row("test", f"{name}: {_words(posed[name])}")
        figures.add_row("skill", f"{score.skill:.3f}, accuracy {score.accuracy:.3f}")
        p = f"probability of this score by guessing {score.chance_probability:.2g}"
        figures.add_row(
            "guessing", f"{score.chance:.3g}, best score possible {score.ceiling:.3g}; {p}"
        )
        shortcuts = (f"{name} {share:.3g}" for name, share in score.shortcuts.items())
        figures.add_row("shortcuts", ", ".join(shortcuts))
    rows = {
        "trained": f"{outcome.updates:,} updates on {outcome.sequences:,} sequences, "
        f"{outcome.parameters:,} weights; {outcome.ended}",
        "seconds": ", ".join(
            f"{value:.1f} {name}" for name, value in outcome.seconds._asdict().items()
        ),
        "model": "saved; --save FILE writes it" if weights is not None else "not saved",
        "versions": store.versions(trial),
    }
    for name, text in rows.items():
        figures.add_row(name, text)
    reasons = [Text(str(reason), style="yellow") for reason in diagnose(outcome, solve_at)]
    return print_rich(
        Text(f"Trial {trial}", style="bold"),
        figures,
        Text(),
        *(reasons or [Text(f"solved: skill {solve_at:g} or more", style="green")]),
        path=output,
    )


def _asking(store: Store, trial: str) -> list[StudyRecord]:
    return [
        study
        for study in store.studies()
        if any(record.id == trial for record in store.records(study=study.id))
    ]


def _words(knobs: Any) -> str:
    if not isinstance(knobs, dict):
        return str(knobs)
    rest = (f"{name}={value}" for name, value in knobs.items() if name != "kind")
    return " ".join([str(knobs["kind"]), *rest])


def _export(
    store: Store, records: Sequence[Record], path: Path | None, folder: Path | None
) -> None:
    from longlag.store import export

    if path is not None:
        export.check_format(path)
        writable(path)
        export.write_table(store, records, path)
        errors.print(f"{len(records):,} trials are in {path}.", markup=False)
    if folder is not None:
        export.write_tensorboard(store, records, folder)
        errors.print(f"{len(records):,} trials are in {folder}.", markup=False)
