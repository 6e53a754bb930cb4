"""A short run of the fuzzer; `python -m tests.fuzz` is the long one, and replays a case."""

import numpy as np
import pytest

from fuzz import cases, commands, inputs, studies, world

LONG = 60.0  # seconds to end after Ctrl-C: a hang, not a speed, is what this would show


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "template"
    world.build(folder)
    return folder


def faults(results):
    return [(each.case, each.words, each.faults) for each in results if each.faults]


def names(family, count):
    return [f"{family}:{number}" for number in range(count)]


def test_no_input_brings_a_fault(template):
    results = list(inputs.run(template, names("inputs", 50), seed=0, patience=LONG))
    assert len(results) == 50
    assert not faults(results)


def test_a_study_that_was_killed_and_asked_again_has_lost_and_doubled_nothing(template):
    assert not faults(studies.kills(template, names("kills", 1), seed=0))


def test_an_interrupt_ends_a_command_and_loses_nothing(template):
    assert not faults(studies.interrupts(template, names("interrupts", 1), seed=0, patience=LONG))


def test_a_case_is_the_same_whatever_ran_before_it():
    first, again = (commands.random_command(cases.generator(3, "inputs:17")) for _ in range(2))
    assert first == again
    others = [commands.random_command(cases.generator(3, f"inputs:{n}")) for n in range(9)]
    assert len({tuple(each) for each in others}) > 5


def test_a_file_that_was_overwritten_is_found(template, tmp_path):
    folder = tmp_path / "case"
    world.populate(template, folder)
    before, finished = world.digests(folder), world.trials(folder / "store.db")
    assert world.faults(template, folder, before, finished, []) == []
    (folder / "README.md").write_text("other")
    (folder / "pipe").unlink()
    found = world.faults(template, folder, before, finished, [])
    assert {(each.kind, each.text.split()[0]) for each in found} == {
        ("destroyed", "README.md"),
        ("destroyed", "pipe"),
    }


def test_a_trial_that_is_gone_is_found(template):
    known = world.trials(template / "store.db")
    assert len(known) > 3
    assert studies.lost(known, known) == []
    first, *rest = known
    assert [each.kind for each in studies.lost(known, {name: known[name] for name in rest})] == [
        "lost"
    ]
    assert [each.kind for each in studies.lost(known, {**known, first: "another"})] == ["lost"]


def test_the_table_counts_each_fault_in_its_family():
    results = [
        cases.Result("inputs:0", "", (cases.Fault("crash", ""), cases.Fault("lost", ""))),
        cases.Result("kills:0", "", slow=True),
    ]
    counts = cases.document(results)["counts"]
    assert (counts["inputs"]["crash"], counts["inputs"]["lost"]) == (1, 1)
    assert sum(counts["kills"].values()) == 2  # a case, and slow
    assert cases.table(results).count("\n") == 1 + len(cases.FAMILIES)


def test_damaged_json_differs_in_one_place():
    from fuzz import damage

    before = {"a": [1, 2, {"b": None}], "c": "x"}
    changed = [damage.wrong(np.random.default_rng(seed), before) for seed in range(40)]
    assert before == {"a": [1, 2, {"b": None}], "c": "x"}
    assert sum(each != before for each in changed) > 30
