"""The kinds of study, a line each: what a line names is imported on demand."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any

from longlag.knobs import lookup
from longlag.store.records import StoreError

if TYPE_CHECKING:  # which `longlag --help` does not wait for
    from longlag.store.records import StudyRecord
    from longlag.store.store import Store
    from longlag.studies.study import Study


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyKind:
    """A kind of study, and where its parts are: `module:name` each.

    Attributes:
        name: Its name on the command line, and in a store: the `kind` of its class.
        study: The class, of `Study`.
        section: What makes its part of a report: `(study, start) -> StudyPart`.
        command: The command that asks it.
        help: What the command does, in a line.
        example: The command as it may be typed.
    """

    name: str
    study: str
    section: str
    command: str
    help: str
    example: str


KINDS: dict[str, StudyKind] = {
    kind.name: kind
    for kind in (
        StudyKind(
            name="frontier",
            study="longlag.studies.frontier:Frontier",
            section="longlag.report.frontiers:frontier",
            command="longlag.cli.frontier:frontier",
            help="Find the hardest version of a problem (the longest lag) that a model solves.",
            example="longlag frontier echo-value --model lstm --hidden-size 50 --solve-at 0.99 "
            "--seeds 5 --budget 200000",
        ),
        StudyKind(
            name="compare",
            study="longlag.studies.comparison:Comparison",
            section="longlag.report.comparisons:comparison",
            command="longlag.cli.compare:compare",
            help="Compare models on several problems: accuracy, sequences needed, learning rates.",
            example="longlag compare --models lstm,gru,rnn,mlp "
            "--problems echo-value,memorization --rungs 3",
        ),
        StudyKind(
            name="profile",
            study="longlag.studies.profile:Profile",
            section="longlag.report.profiles:profile",
            command="longlag.cli.profile:profile",
            help="Test one model on several problems within a time limit.",
            example="longlag profile --model lstm --minutes 5",
        ),
        StudyKind(
            name="generalise",
            study="longlag.studies.generalisation:Generalisation",
            section="longlag.report.generalisations:generalisation",
            command="longlag.cli.generalise:generalise",
            help="Train models at one sequence length, and score them at others.",
            example="longlag generalise echo-lag --lag 3 --train 40 --test 40,80,160,640 "
            "--models lstm,gru",
        ),
    )
}


def imported(path: str) -> Any:
    """What a line of the table names.

    Args:
        path: `module:name`.

    >>> imported("longlag.studies.registry:StudyKind").__name__
    'StudyKind'
    """
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def kind_of(asked: StudyRecord) -> StudyKind:
    """The kind of a study of a store.

    Raises:
        ValueError: There is no such kind.
    """
    return lookup("kind of study", asked.kind, KINDS)


def load_study(store: Store, asked: StudyRecord) -> Study:
    """The study that was asked, knowing what its trials have come to.

    Args:
        store: Where it was asked.
        asked: One of `store.studies()`.

    Raises:
        ValueError: There is no such kind, or it cannot be read back.
    """
    kind = imported(kind_of(asked).study)
    try:
        study = kind.of(asked.question)
        failed = (asked.usage or {}).get("failed", ())
        study.failures.update((trial, why.rstrip(".")) for trial, why in failed)
        study.replay(store, asked.id)
    except StoreError:
        raise
    except Exception as error:  # whatever a question of another version, or a damaged one, causes
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ValueError(f"Study {asked.id[:8]} cannot be read back: {why}") from error
    return study
