"""`longlag reproduce`: checks the statements of the tutorials, one by one."""

from __future__ import annotations

import dataclasses
import datetime
import fnmatch
import platform
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from longlag.claims import CARDS, Card, Result, settle
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._flags import Count, Json, Output
from longlag.cli._output import (
    command_line,
    errors,
    print_rich,
    refusing,
    writable,
    write,
    write_json,
)
from longlag.cli._progress import following
from longlag.knobs import unknown
from longlag.scores.evaluation import seed_list
from longlag.scores.statistics import caveats
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search


def reproduce(
    *claims: str,
    seeds: Count = 5,
    json: Json = False,
    markdown: Annotated[bool, Parameter(negative="")] = False,
    report: Path | None = None,
    output: Output = None,
) -> int:
    """Check the statements of two LSTM tutorials by training their models.

    The tutorials (Brownlee 2017): `echo`, "How to Learn to Echo Random Integers with LSTMs", and
    `five`, a suite of five sequence problems. Exit code 1 if a result differs from the one on
    record.

    Args:
        claims: A tutorial (`echo`, `five`), a problem (`ramp`), statements (`echo/current`), or
            nothing for all.
        seeds: Number of random seeds.
        markdown: Print the result as the page `docs/claims.md`.
        report: Write an HTML page about the statements to this file.
    """
    writable(output)
    writable(report)
    with refusing():
        if json and markdown:
            raise ValueError("reproduce: `--json` and `--markdown` are two documents. Use one.")
        named = [card for name in claims or ("*",) for card in _named(name)]
        chosen = {card.id: card for card in named}.values()
        places = seed_list(seeds)
    keep_compiled_programs()
    lines = not (json or markdown)
    results: list[Result] = []
    runs: dict[tuple[Setting | Search, tuple[int, ...]], Run] = {}
    interrupted = False
    for card in chosen:
        try:
            with following(quiet=not lines) as follow:

                def listen(name, setting, seeds, event, card=card, follow=follow):
                    chance = setting.problem.chance(setting.scored)
                    follow(f"{card.id}: {name}", seeds, chance, event)

                results.append(settle(card, places, listen, runs))
        except KeyboardInterrupt:
            interrupted = True
            break
        if lines:
            show = errors.print if output else print_rich
            show(_line(results[-1]))
    if json:
        write_json({"claims": [_document(result) for result in results]}, output)
    elif markdown:
        write(_page(results, len(places)), output)
    else:
        measured = caveats(result.finding.measured for result in results)
        print_rich(Text(), _table(results), Text(measured), path=output)
    if report is not None and results:
        from longlag.report import page_of_claims

        with refusing():
            left = len(chosen) - len(results)
            page_of_claims(results, runs, command=command_line(), left=left).save(report)
    for result in results:
        if not result.as_recorded:
            errors.print(
                f"{result.card.id}: {result.finding.verdict}, recorded: {result.card.recorded}.",
                markup=False,
            )
    if interrupted:
        errors.print(f"Interrupted: {len(results)} of {len(chosen)} statements were checked.")
        return 130
    return 0 if all(result.as_recorded for result in results) else 1


def _named(name: str) -> list[Card]:
    found = [
        card
        for id, card in CARDS.items()
        if fnmatch.fnmatch(id, name) or id.startswith(f"{name}/") or card.document == name
    ]
    if not found:
        sources = {id.partition("/")[0] for id in CARDS} | {c.document for c in CARDS.values()}
        raise ValueError(unknown("There is no claim", name, [*CARDS, *sorted(sources)]))
    return found


def _line(result: Result) -> Text:
    style = "green" if result.holds else "yellow"
    return Text.assemble(
        (f"{result.card.id}  ", "bold"),
        (result.finding.verdict, style),
        f"  {result.finding.measured!s}  by guessing {result.finding.chance:.3g}"
        f"  {result.seconds:.1f} s",
    )


def _table(results: list[Result]) -> Table:
    table = Table(box=None, padding=(0, 2, 1, 0))
    for column in ("statement", "measured [interval]", "by guessing", "result", "s"):
        table.add_column(column, no_wrap=column in ("by guessing", "s"), overflow="fold")
    for result in results:
        table.add_row(
            Text.assemble((result.card.id, "bold"), f"\n{result.card.claim}"),
            Text(f"{result.finding.measured!s}\n{result.finding.what}"),
            f"{result.finding.chance:.2g}",
            Text.assemble(
                (result.finding.verdict, "bold green" if result.holds else "bold yellow"),
                f"\n{result.finding.because}",
            ),
            f"{result.seconds:.1f}",
        )
    return table


def _document(result: Result) -> dict[str, Any]:
    finding = result.finding
    return {
        "id": result.card.id,
        "source": result.card.source,
        "claim": result.card.claim,
        "measured": {**dataclasses.asdict(finding.measured), "what": finding.what},
        "chance": finding.chance,
        "verdict": finding.verdict,
        "holds": result.holds,
        "recorded": result.card.recorded,
        "because": finding.because,
        "shortcuts": dict(finding.shortcuts),
        "evidence": [
            {"tried": row.tried, **dataclasses.asdict(row.measured), "note": row.note}
            for row in finding.rows
        ],
        "seconds": result.seconds,
    }


def _page(results: list[Result], seeds: int) -> str:
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("longlag", "jax", "equinox", "optax")
    )
    lines = [
        "# Claims",
        "",
        "The statements of two LSTM tutorials, each checked by training its models. Written by",
        "`longlag reproduce --markdown`.",
        "",
        f"{datetime.date.today()}; {seeds} seeds each; {versions}, Python "
        f"{platform.python_version()}; {sum(result.seconds for result in results):.0f} s in all.",
        "Intervals are 95 %; chance is the score by guessing, the best that ignores the inputs.",
        "",
        "| claim | measured | chance | verdict | s |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| [{result.card.id}](#{result.card.id.replace('/', '')}) "
        f"| {result.finding.measured!s} | {result.finding.chance:.2g} "
        f"| {result.finding.verdict} | {result.seconds:.1f} |"
        for result in results
    ]
    if few := caveats(row.measured for result in results for row in result.finding.rows):
        lines += ["", few]
    for result in results:
        finding = result.finding
        lines += [
            "",
            f"## {result.card.id}",
            "",
            f"> {result.card.claim}",
            "",
            f"Source: {result.card.source}. **{finding.verdict[0].upper()}{finding.verdict[1:]}**: "
            f"{finding.because}",
            "",
            f"Measured {finding.measured!s}, chance {finding.chance:.2g}: {finding.what}.",
        ]
        if finding.shortcuts:
            said = (f"{name} {score:.3f}" for name, score in finding.shortcuts.items())
            lines += ["", f"Shortcuts on the same sequences: {', '.join(said)}."]
        if finding.rows:
            lines += ["", "| tried | measured | |", "|---|---|---|"]
            lines += [f"| {row.tried} | {row.measured!s} | {row.note} |" for row in finding.rows]
    return "\n".join(lines) + "\n"
