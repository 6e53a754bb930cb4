"""`longlag suite --check`: trains results of the baselines again that come with longlag."""

from __future__ import annotations

from rich.text import Text

from longlag.answers.answer import json_text
from longlag.answers.format import counted
from longlag.cli._bundle import SAMPLE, agreements
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._output import AnswerFlags, print_rich
from longlag.cli._progress import training_progress
from longlag.cli._terminal import warn, write
from longlag.events import Event
from longlag.stop import ctrl_c_stops
from longlag.studies.reproduction import TOLERANCE, Agreement
from longlag.studies.suite_baselines import SuiteBaselines
from longlag.studies.suite_check import check, sample, setting_of_seeds


def check_baselines(results: SuiteBaselines, count: int | None, output: AnswerFlags) -> int:
    """Train the first seed of some results again and compare; the exit code."""
    if count is not None and count < 1:
        raise ValueError(f"`sample` must be at least 1, got {count}. Use sample=5.")
    if output.kind not in ("text", "JSON"):
        raise ValueError("`--check` prints text or JSON. Use --json, or leave out --format.")
    output.check()
    chosen = sample(results, count or SAMPLE)
    if not chosen:
        raise ValueError(
            f"suite: no results of these baselines at equal {results.match} come with this "
            "longlag. Leave out --models, --problems and --match."
        )
    keep_compiled_programs()
    found: list[Agreement] = []
    with ctrl_c_stops() as stop, training_progress(quiet=output.as_json) as follow:
        for result in chosen:
            name = f"{result.standing.model} on {result.standing.problem}"
            setting = setting_of_seeds(result, results.match)
            chance = setting.problem.chance(setting.scored)

            def listen(event: Event, name=name, chance=chance) -> None:
                follow(name, 1, chance, event)

            agreement = check(result, setting, listen=listen, stop=stop)
            if agreement is None:
                break
            found.append(agreement)
    agree = sum(each.agrees for each in found)
    if output.as_json:
        document = {
            "match": results.match,
            "results": len(results.results),
            "tolerance": TOLERANCE,
            "agree": agree == len(found),
            "checked": [{**each._asdict(), "agrees": each.agrees} for each in found],
        }
        write(json_text(document), output.output)
    else:
        last = f"{agree} of {len(found)} agree; {counted(len(results.results), 'result')} in all."
        print_rich(*agreements("baseline", found, "as shipped"), Text(last), path=output.output)
    if len(found) < len(chosen):
        warn(f"Interrupted: {len(found)} of {counted(len(chosen), 'result')} trained again.")
        return 130
    return 0 if agree == len(found) else 1
