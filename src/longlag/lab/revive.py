"""Studies read back from a store, with all that it knows told to them."""

from __future__ import annotations

from longlag.knobs import lookup
from longlag.lab.comparison import Comparison
from longlag.lab.frontier import Frontier
from longlag.lab.profile import Profile
from longlag.lab.store import Asked, Store
from longlag.lab.study import Study

STUDIES: dict[str, type[Study]] = {kind.kind: kind for kind in (Frontier, Comparison, Profile)}


def revive(store: Store, asked: Asked) -> Study:
    """The study that was asked, knowing what its trials have come to.

    Args:
        store: Where it was asked.
        asked: One of `store.studies()`.
    """
    study = lookup("kind of study", asked.kind, STUDIES).of(asked.question)
    study.replay(store, asked.id)
    return study
