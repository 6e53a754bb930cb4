"""Studies read back from a store, with all that it knows told to them."""

from __future__ import annotations

from longlag.knobs import lookup
from longlag.store.records import Asked
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.frontier import Frontier
from longlag.studies.generalisation import Generalisation
from longlag.studies.profile import Profile
from longlag.studies.study import Study

STUDIES: dict[str, type[Study]] = {
    kind.kind: kind for kind in (Frontier, Comparison, Profile, Generalisation)
}


def load_study(store: Store, asked: Asked) -> Study:
    """The study that was asked, knowing what its trials have come to.

    Args:
        store: Where it was asked.
        asked: One of `store.studies()`.
    """
    study = lookup("kind of study", asked.kind, STUDIES).of(asked.question)
    study.replay(store, asked.id)
    return study
