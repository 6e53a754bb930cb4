"""`longlag reproduce`: checks the statements of the sources, one by one."""

from __future__ import annotations

import datetime
import fnmatch
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag import files
from longlag.answers.estimate import caveats
from longlag.answers.format import counted
from longlag.claims import CARDS, Card, Result, settle
from longlag.claims.card import Arm, Finding
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._flags import Count, Several, code_files
from longlag.cli._output import OUTPUT, OutputFlags, command_line, pick, print_rich
from longlag.cli._progress import training_progress
from longlag.cli._terminal import warn, write
from longlag.events import Event
from longlag.knobs import unknown_name
from longlag.scores.evaluation import seed_list
from longlag.stop import ctrl_c_stops
from longlag.trials.run import Run
from longlag.trials.setting import Setting


def reproduce(
    *claims: str,
    seeds: Count = 5,
    markdown: Annotated[bool, Parameter(negative="")] = False,
    report: Path | None = None,
    sample: Count | None = None,
    all: Annotated[bool, Parameter(negative="")] = False,
    long: Annotated[bool, Parameter(negative="")] = False,
    model: Several = (),
    problem: Several = (),
    output: OutputFlags = OUTPUT,
) -> int:
    """Check the statements of a source, or the trials of a bundle, by training again.

    Two tutorials (Brownlee 2017): `echo`, "How to Learn to Echo Random Integers with LSTMs", and
    `five`, a suite of five sequence problems. `lstm-1997`: the tables of the paper of Hochreiter
    and Schmidhuber. `modern`: rows of the literature on newer layers. A bundle, FILE.zip, is
    of `longlag runs --bundle`. Exit code 1 if a result differs from the one on record.

    Args:
        claims: A source (`echo`, `five`, `lstm-1997`, `modern`), a problem (`ramp`),
            statements (`echo/current`), or nothing for both tutorials; or one bundle.
        seeds: Number of random seeds.
        markdown: Print the result as a page, as `docs/explanation/claims.md`.
        report: Write an HTML page about the statements to this file.
        sample: Of a bundle: number of trials to run again, the cheapest first; by default 5.
        all: Of a bundle: run all trials again.
        long: Check also the statements that take more than about ten minutes each.
        model: Of a bundle: your models that its trials use, path/to/file.py:NAME, each. Without
            them no code runs that the bundle names.
        problem: Of a bundle: your problems, likewise.
    """
    bundles = [name for name in claims if name.lower().endswith(".zip")]
    of_bundles = {"sample": sample, "all": all or None, "model": model or None}
    of_bundles["problem"] = problem or None
    of_claims = {"seeds": None if seeds == 5 else seeds, "report": report}
    of_claims |= {"markdown": markdown or None, "long": long or None}
    for name, value in (of_claims if bundles else of_bundles).items():
        if value is not None:
            other = "the statements of a tutorial" if bundles else "a bundle, FILE.zip"
            raise ValueError(f"`--{name}` is for {other}. Leave out --{name}.")
    if bundles:
        if len(claims) > 1:
            raise ValueError("reproduce: a bundle is checked alone. Name one FILE.zip.")
        from longlag.cli._bundle import reproduce_bundle

        path = Path(bundles[0])
        output.check({"the bundle": path, **code_files(*model, *problem)})
        return reproduce_bundle(
            path, sample=sample, every=all, model=model, problem=problem, output=output
        )
    if output.json and markdown:
        raise ValueError("reproduce: `--json` and `--markdown` are two documents. Use one.")
    output.check(kind="claims" if markdown else "text", report=(report, "HTML"))
    chosen = {card.id: card for name in claims or _DEFAULT for card in _cards(name)}
    if waiting := [id for id, card in chosen.items() if card.long and not long]:
        chosen = {id: card for id, card in chosen.items() if not card.long or id in claims}
        if left := len(waiting) - len(set(waiting) & set(claims)):
            warn(f"{counted(left, 'statement')} of more than ten minutes left out: use --long.")
    if not chosen:
        raise ValueError("reproduce: each of these takes more than ten minutes. Use --long.")
    every_seed = seed_list(seeds)
    keep_compiled_programs()
    quiet = output.json or markdown
    results: list[Result] = []
    runs: dict[tuple[Arm, tuple[int, ...]], Run] = {}
    with ctrl_c_stops() as stop:
        for card in chosen.values():
            with training_progress(quiet=quiet) as follow:

                def listen(
                    name: str, setting: Setting, seeds: int, event: Event, id=card.id, show=follow
                ) -> None:
                    if stop.stopped:  # no model is scored after that
                        raise KeyboardInterrupt
                    show(f"{id}: {name}", seeds, setting.problem.chance(setting.scored), event)

                try:
                    results.append(settle(card, every_seed, listen, runs))
                except KeyboardInterrupt:
                    break
            if not quiet:
                (warn if output.output else print_rich)(_line(results[-1]))
        if markdown:
            write(_page(results, len(every_seed)), output.output)
        else:
            output.write(
                lambda: {"claims": [_document(result) for result in results]},
                lambda: [
                    Text(),
                    _table(results),
                    Text(caveats(result.finding.measured for result in results)),
                ],
            )
        if report is not None and results:
            from longlag.report import page_of_claims

            unsettled = len(chosen) - len(results)
            page = page_of_claims(results, runs, command=command_line(), unsettled=unsettled)
            files.write(report, page.html())
    changed = [result for result in results if not result.as_recorded]
    for result in changed:
        warn(f"{result.card.id}: {result.finding.verdict}, recorded: {result.card.recorded}.")
    if len(results) < len(chosen):
        warn(f"Interrupted: {len(results)} of {len(chosen)} statements were checked.")
        return 130
    return 1 if changed else 0


_DEFAULT = "echo", "five"

_ABOUT = {
    _DEFAULT: "The statements of two LSTM tutorials",
    ("echo",): "The statements of a tutorial on echoing integers (Brownlee 2017)",
    ("five",): "The statements of a suite of five sequence problems (Brownlee 2017)",
    ("lstm-1997",): "The tables of Hochreiter and Schmidhuber (1997)",
    ("modern",): "Rows of the literature on newer sequence layers",
}
"""What a page of the statements of some sources begins with."""


def _cards(name: str) -> list[Card]:
    cards = [
        card
        for id, card in CARDS.items()
        if fnmatch.fnmatch(id, name) or id.startswith(f"{name}/") or card.document == name
    ]
    if not cards:
        sources = {id.partition("/")[0] for id in CARDS} | {c.document for c in CARDS.values()}
        of_source = [id for id in CARDS if id.startswith(f"{name.partition('/')[0]}/")]
        message = unknown_name("There is no claim", name, [*CARDS, *sorted(sources)])
        if "Known: " in message:  # none is near: those of its source, or the sources
            message = unknown_name("There is no claim", name, of_source or sorted(sources))
        raise ValueError(message)
    return cards


def _line(result: Result) -> Text:
    finding = result.finding
    return Text.assemble(
        (f"{result.card.id}  ", "bold"),
        (finding.verdict, "green" if result.holds else "yellow"),
        f"  {finding.show()}{_chance(finding, '  chance {:.3g}')}  {result.seconds:.1f} s",
    )


def _chance(finding: Finding, form: str = "{:.2g}") -> str:
    """Chance as text; empty where there is none."""
    return "" if finding.chance is None else form.format(finding.chance)


def _table(results: list[Result]) -> Table:
    statements = Table(box=None, padding=(0, 2, 1, 0))
    for column in ("statement", "measured [interval]", "chance", "result", "s"):
        statements.add_column(column, no_wrap=column in ("chance", "s"))
    for result in results:
        finding = result.finding
        style = "bold green" if result.holds else "bold yellow"
        statements.add_row(
            Text.assemble((result.card.id, "bold"), f"\n{result.card.claim}"),
            Text(f"{finding.show()}\n{finding.what}"),
            _chance(finding),
            Text.assemble((finding.verdict, style), f"\n{finding.because}"),
            f"{result.seconds:.1f}",
        )
    return statements


def _document(result: Result) -> dict[str, Any]:
    finding, card = result.finding, result.card
    return {
        **pick(card, "id source claim recorded"),
        **pick(finding, "chance verdict because shortcuts"),
        **pick(result, "holds seconds"),
        "measured": {**pick(finding.measured, "mean interval per_seed"), "what": finding.what},
        "evidence": [
            {**pick(row.measured, "mean interval per_seed"), "tried": row.tried, "note": row.note}
            for row in finding.rows
        ],
    }


def _page(results: list[Result], seeds: int) -> str:
    return "\n".join(_lines(results, seeds)) + "\n"


def _lines(results: list[Result], seeds: int) -> Iterator[str]:
    names = ("longlag", "jax", "equinox", "optax")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    seconds = sum(result.seconds for result in results)
    documents = tuple(dict.fromkeys(result.card.document for result in results))
    named = "" if documents == _DEFAULT else "".join(f" {each}" for each in documents)
    about = _ABOUT.get(documents, "Statements of several sources")
    yield f"""# {about}

Each is checked by training its models. Written by
`longlag reproduce{named} --markdown`.

{datetime.date.today()}; {seeds} seeds each; {versions}, Python {platform.python_version()}; \
{seconds:.0f} s in all.
Intervals are 95 %; chance is the best score that ignores the inputs.

| claim | measured | chance | verdict | s |
|---|---|---|---|---|"""
    for result in results:
        finding, id = result.finding, result.card.id
        yield (
            f"| [{id}](#{id.replace('/', '')}) | {finding.show()} | {_chance(finding)} "
            f"| {finding.verdict} | {result.seconds:.1f} |"
        )
    if few := caveats(row.measured for result in results for row in result.finding.rows):
        yield f"\n{few}"
    for result in results:
        finding, card = result.finding, result.card
        verdict = finding.verdict[0].upper() + finding.verdict[1:]
        yield f"""
## {card.id}

> {card.claim}

Source: {card.source}. **{verdict}**: {finding.because}

Measured {finding.show()}{_chance(finding, ", chance {:.2g}")}: {finding.what}."""
        if finding.shortcuts:
            scores = (f"{name} {score:.3f}" for name, score in finding.shortcuts.items())
            yield f"\nShortcuts on the same sequences: {', '.join(scores)}."
        if finding.rows:
            yield "\n| tried | measured | |\n|---|---|---|"
            for row in finding.rows:
                yield f"| {row.tried} | {finding.show(row.measured)} | {row.note} |"
