"""Studies from Python: progress, and an interrupt."""

import inspect
import signal
from pathlib import Path

import pytest
import typechecking
from study_cases import SETTING, Scripted, outcome

import longlag as ll
from longlag import notices
from longlag.cli._flags import STORE
from longlag.store.store import Store
from longlag.studies import ask
from longlag.studies.ask import run_study
from longlag.studies.frontier import Frontier


@pytest.fixture(autouse=True)
def _no_frames_of_type_checks(monkeypatch):
    """Warnings point past the wrappers that only tests have."""
    monkeypatch.setattr(notices, "_OURS", (*notices._OURS, "<@beartype", typechecking.__file__))


def study():
    return Frontier(SETTING, seeds=3, limit=4)


def test_a_function_gets_the_progress(tmp_path):
    seen = []
    done = run_study(
        study(),
        store=tmp_path / "s.db",
        executor=Scripted(lambda _: outcome()),
        progress=lambda _, progress: seen.append(progress.ran),
    )
    assert done.answer().per_seed == (4, 4, 4)
    assert seen[-1] == max(seen) > 0


@pytest.mark.parametrize("shown", [True, False])
def test_where_standard_error_is_no_terminal_short_studies_are_silent(tmp_path, capfd, shown):
    executor = Scripted(lambda _: outcome())
    run_study(study(), store=tmp_path / "s.db", executor=executor, progress=shown)
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_before_the_first_trial_ended_says_so(tmp_path):
    struck = Scripted(lambda _: outcome(), strike_after=0)
    with pytest.warns(UserWarning, match="Interrupted") as found:
        answer = ll.profile("rnn", store=tmp_path / "s.db", executor=struck, progress=False)
    assert [(str(each.message), each.filename) for each in found] == [
        ("Interrupted: no trial had finished: the same call starts anew.", __file__)
    ]
    assert "Interrupted before a trial finished, so nothing is known" in str(answer)
    assert "minutes" not in str(answer)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, in a process that has named no store."""
    monkeypatch.chdir(tmp_path)
    ask._name_store.cache_clear()
    return tmp_path


def ran(**rest):
    done = []
    run_study(study(), executor=Scripted(lambda task: done.append(task) or outcome()), **rest)
    return len(done)


def test_the_default_store_is_that_of_the_command_line_and_named_once(folder, capfd):
    assert ran() > 0
    assert ran() == 0
    out, err = capfd.readouterr()
    where = folder / "longlag.db"
    assert out == ""
    assert err == f"Finished trials are kept in {where}; none runs twice. store=None keeps none.\n"
    assert STORE.resolve() == where
    assert where.exists()
    for each in (ll.frontier, ll.compare, ll.profile, ll.generalise):
        assert Path(inspect.signature(each).parameters["store"].default) == STORE


def test_without_a_store_nothing_is_kept_and_nothing_named(folder, capfd):
    assert ran(store=None) == ran(store=None) > 0
    assert list(folder.iterdir()) == []
    assert ran(progress=False) > 0  # which keeps its trials, but is silent
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_gives_the_answer_so_far_and_the_same_call_goes_on(tmp_path):
    path, ran = tmp_path / "s.db", []

    def come_out(task):
        ran.append(task)
        if len(ran) == 3:
            signal.raise_signal(signal.SIGINT)
        return outcome()

    with pytest.warns(
        UserWarning, match=r"Interrupted: the answer is of \d finished trials\. Th"
    ) as found:
        first = run_study(study(), store=path, executor=Scripted(come_out)).answer()
    assert [each.filename for each in found] == [__file__]
    assert not first.complete
    before = len(first.steps)
    with Store(path) as store:
        assert len(store.records()) == before > 0
    second = run_study(study(), store=path, executor=Scripted(come_out)).answer()
    assert second.complete
    assert second.per_seed == (4, 4, 4)


def test_an_empty_path_of_a_store_is_refused():
    with pytest.raises(ValueError, match=r"`store` must be the path of a file.*Use store=None"):
        run_study(study(), store="", executor=Scripted(lambda _: outcome()), progress=False)
