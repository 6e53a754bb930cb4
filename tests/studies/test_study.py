import dataclasses
import json
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_cases import SETTING, Scripted, drive, outcome

import longlag as ll
from longlag.events import Finished
from longlag.stop import StopToken
from longlag.store.records import StoreError
from longlag.store.store import Store
from longlag.studies.conduct import conduct, into_jobs
from longlag.studies.frontier import Frontier
from longlag.studies.registry import load_study
from longlag.studies.study import Study, described, words
from longlag.trials import documents
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome
from longlag.trials.setting import Setting
from longlag.workers.messages import Job

SEEDS = (4, 5, 6)
REACH = {4: 9, 5: 30, 6: 0}


class Listed(Study):
    """A question that asks for every seed at once and answers with what became of each."""

    kind = "listed"

    def __init__(self, seeds=SEEDS):
        self.seeds, self.solve_at = tuple(seeds), 0.99
        self.waiting = [Trial(setting=SETTING, seed=seed) for seed in self.seeds]
        self.told = {}

    def question(self):
        return {"seeds": list(self.seeds)}

    @classmethod
    def of(cls, question):
        return cls(question["seeds"])

    def examples(self):
        return [SETTING]

    def ask(self):
        return self.waiting.pop(0) if self.waiting else None

    def tell(self, trial, outcome):
        assert trial.seed not in self.told
        self.told[trial.seed] = outcome

    def left(self):
        return len(self.seeds) - len(self.told)

    def answer(self):
        raise NotImplementedError


class Patient(Listed):
    """The same, asked for no more trials than there are workers."""

    eager = False


@pytest.fixture
def kept(tmp_path):
    with Store(tmp_path / "longlag.db", write=True) as kept:
        yield kept


def frontier():
    return Frontier(SETTING, seeds=SEEDS)


def searched(task):
    """Each seed solves the problem up to its own reach."""
    lag = task.setting["problem"]["lag"]
    return outcome(1.0 if lag <= REACH[task.seeds[0]] else 0.4, sequences=lag)


def by_seed(task):
    return outcome(0.5, sequences=1 + task.seeds[0])


def test_what_was_asked_is_run_stored_and_told(kept):
    study, executor = Listed(), Scripted(by_seed)
    usage = conduct(study, kept, executor, command="longlag listed")
    assert {seed: came.sequences for seed, came in study.told.items()} == {4: 5, 5: 6, 6: 7}
    assert (usage.ran, usage.reused, usage.cut, usage.failed) == (3, 0, 0, ())
    assert usage.spent == (3.0, 6.0, 1.5)
    assert not usage.interrupted
    records = {record.seed: record for record in kept.records()}
    for seed, record in records.items():
        trial = Trial(setting=SETTING, seed=seed)
        assert record.id == trial.id
        assert (record.problem, record.model) == (words(SETTING.problem), "lstm hidden_size=3")
        assert record.verdict == "stuck"
        assert kept.outcome(trial.id) == outcome(0.5, sequences=1 + seed)
        assert documents.setting(kept.setting(trial.id)) == SETTING
    (asked,) = kept.studies()
    assert (asked.kind, asked.command, asked.question) == (
        "listed",
        "longlag listed",
        {"seeds": [4, 5, 6]},
    )
    assert asked.usage == json.loads(json.dumps(usage.document()))
    assert [seed for _, seed, _, _ in kept.asked(asked.id)] == [4, 5, 6]


def test_what_the_store_has_is_not_run_again(kept):
    conduct(Listed([5]), kept, Scripted(by_seed))
    executor, study = Scripted(by_seed), Listed()
    usage = conduct(study, kept, executor)
    assert [task.seeds[0] for task in executor.given] == [4, 6]
    assert (usage.ran, usage.reused) == (2, 1)
    assert study.told.keys() == {4, 5, 6}
    again, executor = Listed(), Scripted(by_seed)
    usage = conduct(again, kept, executor)
    assert (usage.ran, usage.reused, usage.spent.total) == (0, 3, 0)
    assert executor.given == []
    assert again.told == study.told


def test_an_executor_is_given_as_much_as_it_has_places_for(kept):
    given = []

    def note(executor):
        return lambda _, standing: given.append((len(executor.waiting), len(standing.running)))

    for kind, most in ((Listed, Scripted.capacity), (Patient, Scripted.workers)):
        executor = Scripted(by_seed)
        study = kind(range(20 * most, 20 * most + 12))
        conduct(study, kept, executor, listen=note(executor))
        assert max(given) == (most, most)
        given.clear()


@pytest.mark.parametrize("size", [1, 2, 64])
def test_trials_of_one_setting_are_one_job_as_far_as_a_job_may_go(kept, size):
    executor = Scripted(by_seed, job_size=size)
    study = Listed(range(7))
    usage = conduct(study, kept, executor, keep="first")
    sizes = [len(task.seeds) for task in executor.given]
    assert sizes == {1: [1] * 7, 2: [2, 2, 2, 1], 64: [7]}[size]
    assert (usage.ran, kept.count()) == (7, 7)
    assert {seed: came.sequences for seed, came in study.told.items()} == {
        seed: 1 + seed for seed in range(7)
    }
    assert {record.seed for record in kept.records() if kept.weights(record.id)} == {0}


def test_trials_of_different_settings_are_different_jobs():
    other = dataclasses.replace(SETTING, model=ll.LSTM(hidden_size=4))
    trials = [Trial(setting=each, seed=seed) for seed in (0, 1, 2) for each in (SETTING, other)]
    jobs = into_jobs(trials, 2)
    assert [[trial.seed for trial in job] for job in jobs] == [[0, 1], [0, 1], [2], [2]]
    assert [{trial.setting for trial in job} for job in jobs] == [{SETTING}, {other}] * 2
    assert into_jobs(trials, 1) == [[trial] for trial in trials]


def test_a_trial_that_fails_among_others_is_tried_alone(kept):
    def crowded(task):
        return "no memory" if "+" in task.id and task.seeds[0] > 4 else by_seed(task)

    study, executor = Listed(), Scripted(crowded, job_size=9)
    usage = conduct(study, kept, executor)
    assert [task.seeds for task in executor.given] == [(4, 5, 6), (5,), (6,)]
    assert (usage.ran, usage.failed) == (3, ())
    assert study.left() == 0


def test_nothing_is_begun_before_it_is_known_how_large_a_job_may_be(kept):
    class Slow(Scripted):
        def wait(self, seconds=None):
            if self.job_size is None:
                assert self.given == []
                self.job_size = 3
                return []
            return super().wait(seconds)

    executor = Slow(by_seed, job_size=None)
    assert conduct(Listed(), kept, executor).ran == 3
    assert [task.seeds for task in executor.given] == [(4, 5, 6)]


def test_a_study_can_be_stopped_by_its_token(kept):
    stop = StopToken()

    def listen(events, standing):
        assert standing.ran == len(kept.records())
        if any(isinstance(event, Finished) for event in events):
            stop.stop()

    usage = conduct(Listed(), kept, Scripted(by_seed, late=1), listen=listen, stop=stop)
    assert usage.interrupted
    assert (usage.ran, kept.count()) == (2, 2)


def test_who_listens_is_told_how_far_it_has_come(kept):
    conduct(Listed([5]), kept, Scripted(by_seed))
    heard = []

    def listen(_, standing):
        running = sorted(trial.seed for trial, _ in standing.running.values())
        latest = standing.latest and standing.latest[0].seed
        heard.append((standing.ran, standing.reused, standing.left, running, latest))

    conduct(Listed(), kept, Scripted(by_seed), listen=listen)
    assert heard == [(0, 1, 2, [4, 6], None), (1, 1, 1, [6], 4), (2, 1, 0, [], 6)]


@settings(max_examples=6)
@given(st.data())
def test_the_order_in_which_trials_end_does_not_change_the_answer(tmp_path_factory, data):
    study = frontier()
    executor = Scripted(searched, choose=lambda count: data.draw(st.integers(0, count - 1)))
    with Store(tmp_path_factory.mktemp("store") / "longlag.db", write=True) as kept:
        conduct(study, kept, executor)
        assert len({task.id for task in executor.given}) == len(executor.given) == kept.count()
        answer = study.answer()
        assert answer.per_seed == (9, 30, 0)
        revived = load_study(kept, kept.study("frontier"))
        assert isinstance(revived, Frontier)
        assert revived.answer() == answer
    usual = frontier()
    drive(
        usual,
        lambda trial: searched(Job(trial.id, documents.document(trial.setting), (trial.seed,))),
    )
    assert usual.answer() == answer


@pytest.mark.parametrize("strike_after", [0, 1, 4])
@pytest.mark.parametrize("late", [0, 1])
def test_ctrl_c_keeps_what_is_finished_and_the_same_question_goes_on_from_it(
    kept, strike_after, late
):
    usual = signal.getsignal(signal.SIGINT)
    executor = Scripted(searched, strike_after=strike_after, late=late)
    usage = conduct(frontier(), kept, executor)
    assert usage.interrupted
    assert usage.ran == kept.count() == strike_after + late
    assert usage.cut == len(executor.given) - usage.ran
    assert kept.study("frontier").ended is None
    assert signal.getsignal(signal.SIGINT) is usual
    done = {record.id for record in kept.records()}

    study, executor = frontier(), Scripted(searched)
    usage = conduct(study, kept, executor)
    assert not usage.interrupted
    assert not done & {task.id for task in executor.given}
    assert usage.reused == len(done)
    assert study.answer().per_seed == (9, 30, 0)
    assert study.answer().complete
    assert kept.study("frontier").ended is not None


def test_a_second_ctrl_c_is_not_held_back(kept):
    class Twice(Scripted):
        def stop(self):
            signal.raise_signal(signal.SIGINT)
            return []

    # A process begun in the background has it ignored from the start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        conduct(Listed(), kept, Twice(by_seed, strike_after=1))
    assert kept.count() == 1


def test_a_store_that_is_full_ends_it_and_what_was_finished_is_kept(kept):
    (pages,) = kept._connection.execute("PRAGMA page_count").fetchone()
    kept._connection.execute(f"PRAGMA max_page_count = {pages + 60}")
    big = outcome(0.5, by_step=(0.123456789,) * 5000)
    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(StoreError, match=r"the disk is full\. Finished trials are saved"):
        conduct(Listed(range(50)), kept, Scripted(lambda _: big))
    assert signal.getsignal(signal.SIGINT) is usual
    done = kept.count()
    assert 0 < done < 50
    kept._connection.execute("PRAGMA max_page_count = 1000000")
    usage = conduct(Listed(range(50)), kept, Scripted(by_seed))
    assert (usage.reused, usage.ran) == (done, 50 - done)


def test_a_trial_that_comes_to_nothing_is_told_and_tried_again_another_time(kept):
    study = Listed()
    usage = conduct(
        study, kept, Scripted(lambda task: "no memory" if task.seeds == (5,) else by_seed(task))
    )
    assert study.told[5] is None
    assert usage.failed == ((described(Trial(setting=SETTING, seed=5)), "no memory"),)
    assert (usage.ran, kept.count()) == (2, 2)
    again, executor = Listed(), Scripted(by_seed)
    assert conduct(again, kept, executor).failed == ()
    assert [task.seeds[0] for task in executor.given] == [5]


def test_a_value_that_came_to_nothing_leaves_the_question_open(kept):
    study = frontier()
    conduct(
        study,
        kept,
        Scripted(lambda task: "no memory" if task.setting["problem"]["lag"] > 4 else outcome()),
    )
    answer = study.answer()
    assert answer.per_seed == (4, 4, 4)
    assert answer.open == study.seeds
    assert not answer.complete
    assert answer.words == "lag 4 so far; seeds that failed: 3 (no memory)"
    assert {step.value for step in answer.steps} == {1, 2, 4}


def test_at_its_time_what_is_under_way_is_cut_short(kept):
    executor = Scripted(by_seed)
    usage = conduct(Listed(), kept, executor, seconds=0.0)
    assert (usage.ran, executor.given) == (0, [])
    assert not usage.interrupted

    def slow(task):
        # The clock of the study is moved on as if the trial had taken an hour.
        standing[0].began -= 3600
        return by_seed(task)

    standing = []
    executor, study = Scripted(slow, late=1), Listed()
    usage = conduct(study, kept, executor, seconds=1800, listen=lambda _, now: standing.append(now))
    assert len(executor.given) == 3
    assert (usage.ran, usage.cut) == (2, 0)  # the third was not begun
    assert study.told.keys() == {4, 5}


@pytest.mark.parametrize(("keep", "seeds"), [("first", {4}), ("all", {4, 5, 6}), ("none", set())])
def test_models_are_kept_of_whom_they_are_wanted(kept, keep, seeds):
    conduct(Listed(), kept, Scripted(by_seed), keep=keep)
    found = {record.seed for record in kept.records() if kept.weights(record.id)}
    assert found == seeds


def test_equal_questions_are_one_study_and_others_are_not(kept):
    names = {frontier().id, Frontier.of(frontier().question()).id}
    assert len(names) == 1
    wider = dataclasses.replace(SETTING, model=ll.LSTM(hidden_size=4))
    others = [
        Frontier(wider, seeds=SEEDS),
        Frontier(SETTING, seeds=3),
        Frontier(SETTING, seeds=SEEDS, solve_at=0.9),
        Frontier(SETTING, seeds=SEEDS, resolution=0.2),
        Frontier(SETTING, seeds=SEEDS, limit=64),
        Listed(),
    ]
    assert len(names | {study.id for study in others}) == 1 + len(others)
    conduct(frontier(), kept, Scripted(searched))
    conduct(frontier(), kept, Scripted(searched))
    assert len(kept.studies()) == 1


def test_a_study_of_an_unknown_kind_is_not_revived(kept):
    conduct(Listed(), kept, Scripted(by_seed))
    with pytest.raises(ValueError, match="There is no kind of study `listed`"):
        load_study(kept, kept.study("listed"))


def test_a_trial_in_words():
    setting = Setting(
        problem=ll.CumulativeThreshold(length=12, threshold=3.0),
        framing=ll.Chunks(timesteps=4, carry=True),
        model=ll.GRU(),
    )
    assert described(Trial(setting=setting, seed=9)) == (
        "cumulative-threshold length=12 threshold=3, chunks timesteps=4 carry=True, gru, "
        "learning rate 0.001, seed 9"
    )


def test_the_time_left_is_told_from_that_taken(kept):
    heard = []
    conduct(
        Listed(range(9)),
        kept,
        Scripted(by_seed),
        listen=lambda _, standing: heard.append((standing.left, standing.remaining)),
    )
    # Two and a half seconds each, two at a time; what the program took is not needed again.
    assert heard[0] == (9, None)
    assert heard[1:] == [(left, left * 2.5 / min(2, left or 1)) for left in range(8, -1, -1)]


def test_what_comes_out_is_what_is_stored_whatever_it_holds(kept):
    came = outcome(0.3, ended="diverged", diverged_at=9, error=None, by_step=(None, 0.5))
    came = dataclasses.replace(came, curve=came.curve._replace(loss=(float("inf"),) * 20))
    study = Listed([4])
    conduct(study, kept, Scripted(lambda _: came))
    found = kept.outcome(Trial(setting=SETTING, seed=4).id)
    assert isinstance(found, Outcome)
    assert found == came == study.told[4]
