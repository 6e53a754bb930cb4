"""Trackers: each finished trial becomes a run, and nothing that fails there stops a study."""

import dataclasses
import datetime
import errno
import importlib.util
import logging
import re
import threading

import pytest
from study_cases import SETTING, Scripted, curve, outcome

import longlag as ll
from longlag.cli.app import main
from longlag.store.store import Store
from longlag.studies.ask import run_study
from longlag.studies.frontier import Frontier
from longlag.trackers import TRACKERS, FinishedTrial, TensorBoard, Tracker, Tracking
from longlag.trials.identity import Trial

OFFLINE = {
    "WANDB_MODE": "offline",
    "WANDB_ERROR_REPORTING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
LIBRARIES = {"tensorboard": "tensorboardX", "wandb": "wandb", "mlflow": "mlflow", "aim": "aim"}
TRAIN = "train echo-lag --values 4 --length 6 --hidden-size 3 --sequences 20 --seeds 2"


class Kept(Tracker):
    """A tracker that keeps what it gets, and may fail at one of them."""

    def __init__(self, fails_at=None):
        self.trials, self.fails_at, self.closed = [], fails_at, False

    def log(self, trial):
        if len(self.trials) == self.fails_at:
            raise OSError(28, "No space\nleft on device")
        self.trials.append(trial)

    def close(self):
        self.closed = True


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of its own, and no way to a server."""
    monkeypatch.chdir(tmp_path)
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return tmp_path


def finished(seed=0, **fields):
    losses = outcome(0.5, curve=curve([1.0, 0.25]), **fields)
    trial = Trial(setting=SETTING, seed=seed)
    return FinishedTrial.of(trial, losses, study="frontier 12345678", solve_at=0.99)


def study(path, track, **rest):
    asked = Frontier(SETTING, seeds=2, limit=3)
    executor = Scripted(lambda _: outcome())
    return run_study(asked, store=path, executor=executor, track=track, **rest).answer()


def test_each_trial_of_a_study_is_logged_once(tmp_path):
    first, second = Kept(), Kept()
    answer = study(tmp_path / "s.db", [first, second])
    with Store(tmp_path / "s.db") as store:
        stored = {record.id: record for record in store.records()}
    assert sorted(trial.id for trial in first.trials) == sorted(stored)
    assert [trial.id for trial in second.trials] == [trial.id for trial in first.trials]
    assert first.closed
    assert second.closed
    for trial in first.trials:
        record = stored[trial.id]
        assert trial.tags == {
            "study": first.trials[0].study,
            "problem": record.problem,
            "model": record.model,
            "seed": str(record.seed),
            "verdict": "solved",
        }
        assert re.fullmatch("frontier [0-9a-f]{8}", trial.study)
    assert answer.per_seed == (3, 3)
    study(tmp_path / "s.db", again := Kept())  # all of them are in the store
    assert not again.trials
    assert again.closed


def test_a_trial_has_its_settings_its_curve_and_its_scores():
    trial = finished(seed=3)
    assert trial.config["problem.lag"] == 1
    assert trial.config["recipe.optimizer"] == "adam"
    assert trial.config["model.kind"] == "lstm"
    assert trial.config["versions"] == "engine 1, echo-lag 1, whole 1, lstm 1, one-hot 1"
    assert trial.figures["cost/parameters"] == trial.outcome.parameters > 0
    assert list(trial.curve) == [
        (100, {"training/loss": 1.0, "training/accuracy": 0.5}),
        (200, {"training/loss": 0.25, "training/accuracy": 0.5}),
    ]
    assert trial.figures["evaluation/skill"] == pytest.approx(0.5, abs=1e-3)
    assert trial.figures["evaluation/chance"] == 0.25
    assert trial.figures["evaluation/ceiling"] == 1.0
    assert trial.verdict != "solved"
    assert trial.name.startswith("echo-lag length=6 values=4, lstm hidden_size=3, seed 3, ")


def test_a_tracker_that_fails_stops_neither_the_study_nor_the_others(tmp_path):
    failing, other = Kept(fails_at=2), Kept()
    with pytest.warns(UserWarning, match=r"^Kept cannot log a trial: OSError: .*left on device\. "):
        answer = study(tmp_path / "s.db", [failing, other])
    assert answer.per_seed == (3, 3)
    assert len(failing.trials) == 2 < len(other.trials)
    with Store(tmp_path / "s.db") as store:
        assert len(other.trials) == store.count()


def test_a_log_of_a_tracker_that_cannot_be_written_prints_no_traceback(capsys):
    class Full(logging.Handler):
        def emit(self, record):
            try:
                raise OSError(errno.ENOSPC, "full")
            except OSError:
                self.handleError(record)

    class Logging(Kept):
        def log(self, trial):
            super().log(trial)
            logger = logging.Logger("tracker")
            logger.addHandler(Full())
            logger.error("lost")

    tracker = Logging()
    with Tracking(tracker, print) as tracking:
        tracking.log(finished())
    assert len(tracker.trials) == 1
    assert capsys.readouterr() == ("", "")
    assert logging.raiseExceptions


class OwnError(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), OwnError()])
def test_a_tracker_may_raise_anything(error):
    lines, other = [], Kept()

    class Leaving(Kept):
        def log(self, trial):
            del trial
            raise error

    with Tracking([Leaving(), other], lines.append) as tracking:
        tracking.log(finished())
        tracking.log(finished(1))
    assert len(other.trials) == 2
    (line,) = lines
    assert line.startswith("Leaving cannot log a trial: ")
    assert type(error).__name__ in line


def test_a_tracker_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr("longlag.trackers.tracking._PATIENCE", 0.05)
    leave, lines = threading.Event(), []

    class Silent(Kept):
        def log(self, trial):
            del trial
            leave.wait()

    with Tracking(Silent(), lines.append) as tracking:
        tracking.log(finished())
    leave.set()
    (line,) = lines
    assert "Silent did not answer" in line


def test_the_seeds_of_a_run_are_logged():
    kept = Kept()
    problem, model = ll.EchoLag(values=4, length=6), ll.LSTM(hidden_size=3)
    run = ll.train(problem, ll.Whole(), model, sequences=20, seeds=2, track=kept)
    assert [trial.seed for trial in kept.trials] == [0, 1]
    assert [trial.study for trial in kept.trials] == ["train", "train"]
    right = [trial.figures["evaluation/accuracy"] for trial in kept.trials]
    assert right == pytest.approx(run.accuracy.per_seed)
    assert len({trial.id for trial in kept.trials}) == 2


def test_a_tracker_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"no tracker `wandbb`. Did you mean `wandb`\?"):
        Tracking("wandbb", print)


@pytest.mark.parametrize("name", TRACKERS)
def test_a_library_that_is_not_installed_is_one_line(name, monkeypatch, capsys, here):
    monkeypatch.setitem(importlib.import_module("sys").modules, LIBRARIES[name], None)
    with pytest.raises(SystemExit) as leaving:
        main([*TRAIN.split(), "--track", name])
    err = capsys.readouterr().err
    assert leaving.value.code == 2
    assert f"pip install 'longlag[{name}]'" in err
    assert err.count("\n") == 1
    assert not list(here.iterdir())


def read_tensorboard(folder, _=None):
    from tensorboardX.proto import event_pb2

    for file in sorted((folder / "runs").rglob("events.out.*")):
        content, at, scalars, text = file.read_bytes(), 0, {}, b""
        while at < len(content):  # a length, its checksum, an event, its checksum
            size = int.from_bytes(content[at : at + 8], "little")
            event = vars(event_pb2)["Event"].FromString(content[at + 12 : at + 12 + size])
            for value in event.summary.value:
                scalars[value.tag, event.step] = value.simple_value
                text += value.metadata.plugin_data.content
            at += size + 16
        yield scalars, text.decode("latin-1")


def read_wandb(folder, wandb):
    wandb.teardown()  # waits until its files are written
    for file in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        yield {}, file.read_bytes().decode("latin-1")


def read_mlflow(_, mlflow):
    server = mlflow.MlflowClient()
    experiment = server.get_experiment_by_name("longlag")
    for run in server.search_runs([experiment.experiment_id]):
        scalars = {
            (name, each.step): each.value
            for name in run.data.metrics
            for each in server.get_metric_history(run.info.run_id, name)
        }
        yield scalars, f"{run.data.params} {run.data.tags} {' '.join(run.data.metrics)}"


def read_aim(folder, aim):
    repo = aim.Repo(str(folder))
    repo._recreate_index()  # `aim storage reindex`, as the server of `aim up` does
    found = repo.query_runs("", report_mode=aim.sdk.types.QueryReportMode.DISABLED)
    for each in found.iter_runs():
        run = each.run
        scalars = {
            (metric.name, step): value
            for metric in run.metrics()
            for step, value in metric.dataframe()[["step", "value"]].values.tolist()
        }
        yield scalars, f"{run['setting']} {run.tags} {[each.name for each in run.metrics()]}"


READ = {
    "tensorboard": read_tensorboard,
    "wandb": read_wandb,
    "mlflow": read_mlflow,
    "aim": read_aim,
}


@pytest.mark.filterwarnings("ignore")  # of the libraries
@pytest.mark.parametrize("name", TRACKERS)
def test_the_real_library_has_the_trials(name, here):
    library = LIBRARIES[name]
    module = pytest.importorskip(library, reason=f"{library} is an extra that is not installed")
    lines, trials = [], [finished(0), finished(1)]
    with Tracking(name, lines.append) as tracking:
        for trial in trials:
            tracking.log(trial)
    assert lines == []
    runs = list(READ[name](here, module))
    assert len(runs) == 2
    for scalars, text in runs:
        everything = text + str(list(scalars))
        for part in ("training/loss", "evaluation/ceiling", "problem.lag", "frontier 12345678"):
            assert part in everything
        assert trials[0].verdict in text
        if scalars:  # those of wandb are in a format of its own
            assert scalars["training/loss", 200] == 0.25
            assert scalars["evaluation/skill", 2000] == pytest.approx(0.5, abs=1e-3)


def test_the_command_line_tracks_and_the_store_too(here, capsys):
    pytest.importorskip("tensorboardX", reason="tensorboardX is an extra that is not installed")
    with pytest.raises(SystemExit) as leaving:
        main([*TRAIN.split(), "--track", "tensorboard", "--json"])
    assert leaving.value.code == 0
    assert len(list((here / "runs").iterdir())) == 2
    study(here / "s.db", ())
    with pytest.raises(SystemExit) as leaving:
        main("runs --store s.db --study frontier --track tensorboard".split())
    assert leaving.value.code == 0
    with Store(here / "s.db") as store:
        count = store.count()
    assert f"{count} trials are in tensorboard." in capsys.readouterr().err
    found = list(read_tensorboard(here))
    assert len(found) == 2 + count
    assert sum("frontier " in text for _, text in found) == count


def test_a_full_disk_is_one_line_and_the_answer_is_there(here, capsys):
    pytest.importorskip("tensorboardX", reason="tensorboardX is an extra that is not installed")
    (here / "runs").write_text("no folder")
    with pytest.raises(SystemExit) as leaving:
        main([*TRAIN.split(), "--track", "tensorboard"])
    out, err = capsys.readouterr()
    assert leaving.value.code == 0
    assert "accuracy" in out
    assert err.count("TensorBoard cannot log a trial: ") == 1


def test_a_run_in_tensorboard_is_written_over_by_itself_alone(here):
    pytest.importorskip("tensorboardX", reason="tensorboardX is an extra that is not installed")
    one = finished()
    other = dataclasses.replace(finished(1), finished=one.finished + datetime.timedelta(seconds=5))
    for trial in (one, one, other):
        TensorBoard(here / "runs").log(trial)
    assert len(list(here.rglob("events.out.*"))) == 2
    (here / "thesis.tex").write_text("years")
    TensorBoard(here / "one").log(one)
    link = next((here / "one").rglob("events.out.*"))
    link.unlink()
    link.symlink_to(here / "thesis.tex")
    with pytest.raises(ValueError, match=r"events\.out\..* is a file of something else"):
        TensorBoard(here / "one").log(one)
    assert (here / "thesis.tex").read_text() == "years"
