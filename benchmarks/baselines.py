"""The results of the baselines of the suite that come with longlag.

    python benchmarks/baselines.py --models lstm,mamba --effort 0.3 --seeds 3 --store suite.db

Trials that the store has do not run again. The results take the place of older ones of the same
baselines and problems.
"""

import argparse
import datetime
import importlib.resources
import json

from longlag.studies.ask import run_study
from longlag.studies.suite_baselines import FILE
from longlag.studies.suite_check import document_of, merged, text_of
from longlag.studies.suite_rows import BASELINES, ROWS
from longlag.studies.suite_study import Suite
from longlag.workers.local import Local


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(BASELINES))
    parser.add_argument("--problems", default=",".join(ROWS))
    parser.add_argument("--match", default="parameters", choices=("parameters", "state"))
    parser.add_argument("--effort", default=1.0, type=float)
    parser.add_argument("--seeds", default=5, type=int)
    parser.add_argument("--workers", default=None, type=int)
    parser.add_argument("--store", default="suite.db")
    args = parser.parse_args()
    names = args.models.split(",")
    study = Suite(
        {name: BASELINES[name] for name in names},
        args.problems.split(","),
        match=args.match,
        effort=args.effort,
        seeds=args.seeds,
    )
    finished = run_study(study, store=args.store, executor=Local(args.workers))
    path = importlib.resources.files("longlag.studies") / FILE
    document = merged(json.loads(path.read_text()), document_of(finished, _day()))
    with open(str(path), "w") as file:
        file.write(text_of(document))
    print(finished.answer())


def _day() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


if __name__ == "__main__":
    main()
