"""`longlag frame`: a series of one's own, framed, and a model beside naive baselines."""

import json
import re
import shlex
import sys

import numpy as np
import pytest

import longlag as ll

TIME = np.arange(160)
WARM = 15 + 8 * np.sin(2 * np.pi * TIME / 8)
COLD = np.random.default_rng(0).normal(size=160)


@pytest.fixture
def data(tmp_path):
    """A file of two columns, and how to write others."""

    def written(columns=None, name="data.csv"):
        columns = columns or {"warm": WARM, "cold": COLD}
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path = tmp_path / name
        path.write_text("\n".join(lines).replace("nan", "") + "\n")
        return path

    return written


def with_gaps(values):
    return np.where(np.arange(len(values)) % 17 == 3, np.nan, values)


TRAIN = ["--model", "mlp", "--hidden-size", "4", "--sequences", "64", "--seeds", "2"]


def test_it_says_what_is_predicted_from_what_beside_what(call, data):
    code, out, err = call("frame", data(), "--column", "warm", "--timesteps", "4")
    assert (code, err) == (0, "")
    assert "warm of data.csv: 160 rows, 1 row ahead\n" in out
    assert "training    1 to 112    their targets train" in out
    assert "validation  113 to 136 " in out
    assert "evaluation  137 to 160 " in out
    assert "scaled to mean 0 and deviation 1 over the rows that train" in out
    text = " ".join(out.split())
    assert "season: 8 rows (found in the rows that train); the value one season earlier" in text
    assert "use --timesteps 8 or more" in text
    assert (
        "inputs (samples, 4, 1): 4 timesteps of 1 feature; targets (samples, 1); 3 samples" in out
    )
    last = np.sqrt(np.mean((WARM[136:] - WARM[135:159]) ** 2))
    assert f"last value {last:.4g}" in " ".join(out.split())
    assert "add --model lstm" in out
    assert "missing" not in out


def test_changes_too_small_for_a_model_are_measured_with_a_warning(call, data):
    rise = 10**6 * np.arange(140) // 7
    moves = np.where(np.random.default_rng(0).random(60) < 0.5, -2, 2).cumsum()
    flags = data({"warm": [*rise, *(rise[-1] + moves)]}), "--tolerance", "1", "--timesteps", "4"
    code, out, err = call("frame", *flags)
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("Warning: the scored rows of warm change by 2, too little for the single")
    assert "last value 2 0.000" in " ".join(out.split())
    code, out, err = call("frame", *flags, *TRAIN)
    assert (code, out) == (2, "")
    assert "Series: the scored rows of warm change by 2, too little" in err


def test_a_season_in_sight_and_none_are_said_so(call, data):
    command = ["frame", data(), "--timesteps", "8", "--column"]
    _, out, _ = call(*command, "warm")
    assert "season: 8 rows (found in the rows that train)\n" in out
    _, out, _ = call(*command, "warm", "--season", "6")
    assert "season: 6 rows\n" in out
    _, out, _ = call(*command, "cold", "--horizon", "2", "--scale", "none")
    assert "season: none found in the rows that train\n" in out
    assert "cold of data.csv: 160 rows, 2 rows ahead" in out
    assert "3 samples:" in out
    assert "seasonal" not in out


@pytest.mark.parametrize(("present", "few"), [(1, "1 target is"), (3, "3 targets are"), (40, "")])
def test_few_targets_are_said_to_be_few_without_a_model_too(call, data, present, few):
    warm = [*WARM, *WARM, *WARM]
    warm[-72:] = [*np.full(72 - present, np.nan), *warm[len(warm) - present :]]
    flags = data({"warm": warm}), "--timesteps", "5", "--missing", "mark"
    _, out, _ = call("frame", *flags)
    said = " ".join(out.split())
    assert f"root mean square of {present} target{'s' * (present > 1)}; within" in said
    assert (f"{few} few: their errors settle nothing." in said) == bool(few)
    assert ("few" in said) == bool(few)
    _, out, _ = call("frame", *flags, "--json")
    assert json.loads(out)["scored_targets"] == present


@pytest.mark.parametrize("how", [[], ["--as", "features"], ["--every-step"]], ids=repr)
@pytest.mark.parametrize("columns", [["warm"], ["warm", "cold"]], ids=repr)
def test_the_document_says_the_same_shapes(call, data, how, columns):
    named = [part for name in columns for part in ("--column", name)]
    code, out, err = call("frame", data(), *named, "--timesteps", "5", *how, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["columns"], found["target"], found["horizon"]) == (columns, "warm", 1)
    assert found["rows"] == {
        "training": [0, 112],
        "validation": [112, 136],
        "evaluation": [136, 160],
    }
    features = 5 * len(columns) if how == ["--as", "features"] else len(columns)
    steps = 1 if how == ["--as", "features"] else 5
    assert found["inputs"] == [steps] if features == 1 else [steps, features]
    assert found["targets"] == [5 if how == ["--every-step"] else 1]
    assert (found["season"], found["season_in_sight"]) == (8, False)
    assert found["missing"] == dict.fromkeys(columns, 0)
    error = np.sqrt(np.mean((WARM[136:] - WARM[:112].mean()) ** 2))
    assert found["baselines"]["mean"] == pytest.approx(error, rel=1e-5)
    assert found["baselines"]["seasonal"] == pytest.approx(0, abs=1e-4)
    within = found["within"]
    apart = np.abs(WARM[136:] - WARM[135:159])
    assert within["last value"] == np.mean(apart <= within["distance"] * (1 + 1e-6))
    assert "model" not in found


def test_a_model_stands_beside_the_baselines(call, data):
    command = ["frame", data({"warm": COLD}), "--timesteps", "3", *TRAIN]
    code, out, _ = call(*command)
    assert code == 0
    assert "mlp hidden_size=4" in out
    assert "2 seeds" in out
    code, text, _ = call(*command, "--json")
    found = json.loads(text)
    assert code == 0
    assert (found["model"], found["seeds"]) == ("mlp hidden_size=4", [0, 1])
    assert "sequences=64, batch_size=32" in found["recipe"]
    assert found["against"] in found["baselines"]
    assert found["verdict"] in ("better", "worse", "not told apart")
    assert found["reason"] in " ".join(out.split())
    assert len(found["error"]["per_seed"]) == 2
    assert f"{found['error']['mean']:.4g}" in out
    assert set(found["within"]) == {"distance", "share", "mean", "last value"}
    assert found["interrupted"] is False


def test_the_table_says_what_its_columns_are_and_what_the_model_was_trained_on(call, data):
    command = ["frame", data(), "--column", "warm", "--horizon", "2"]
    explained = "within: share of the predictions that are off by at most "
    out = " ".join(call(*command)[1].split())
    distance = re.findall("within ([0-9.]+) ", out)[0]
    assert f"{explained}{distance}, the root mean square change over 2 rows" in out
    assert "samples per seed" not in out
    gaps = data({"warm": np.where(np.arange(len(COLD)) % 2, COLD, np.nan)}, "gaps.csv")
    gappy = " ".join(call("frame", gaps, "--timesteps", "3", "--missing", "mask")[1].split())
    assert re.search(rf"{explained}[0-9.]+, the standard deviation of the rows that train", gappy)
    out = " ".join(call(*command, "--tolerance", "0.5")[1].split())
    assert f"{explained}0.5 24 targets are few" in out
    trained = [*command, "--model", "mlp", "--sequences", "64", "--batch-size", "8", "--seeds", "1"]
    size = r"\ntrained: [\d,]+ weights, state 0; "
    assert re.search(f"{size}8 updates on 64 samples per seed\n", call(*trained)[1])
    document = json.loads(call(*trained, "--json")[1])
    assert (document["updates"], document["sequences"]) == (8, 64)


def test_a_saved_model_predicts_from_rows_as_they_are_wherever_its_file_is(call, data, tmp_path):
    path = data()
    saved = tmp_path / "model.safetensors"
    command = ["frame", path, "--column", "warm", "--column", "cold", "--timesteps", "3", *TRAIN]
    code, _, _ = call(*command, "--save", saved)
    assert code == 0
    path.write_text("gone")
    loaded = ll.load(saved)
    latest = np.stack([WARM, COLD], axis=1)[-3:]
    found = loaded.predict(latest)
    assert found.shape == (1,)
    assert np.isfinite(found).all()
    series = loaded.setting.problem
    assert isinstance(series, ll.Series)
    assert (series.names, series.target, series.path) == (("warm", "cold"), "warm", path.name)
    evaluation = loaded.evaluate()
    place = np.flatnonzero(series.target_rows("evaluation", loaded.setting.scored)[:, -1] == 159)
    said = series.in_unit(evaluation.predicted[place, -1])
    earlier = np.stack([WARM, COLD], axis=1)[156:159]
    assert loaded.predict(earlier) == pytest.approx(said, rel=1e-5)


@pytest.mark.parametrize("missing", ["drop", "mark", "mask"])
def test_missing_values_are_counted_and_dealt_with_as_asked(call, data, missing):
    path = data({"warm": with_gaps(WARM), "cold": COLD})
    command = ["frame", path, "--column", "warm", "--column", "cold", "--timesteps", "3"]
    code, out, err = call(*command, "--missing", missing)
    assert (code, err) == (0, "")
    assert "from warm, cold: 160 rows, 1 row ahead; missing: 10 of warm\n" in out
    assert f"3 timesteps of {4 if missing == 'mark' else 2} features" in out
    assert "nan" not in out
    document = json.loads(call(*command, "--missing", missing, "--json")[1])
    assert document["missing"] == {"warm": 10, "cold": 0}


def test_masked_steps_train(call, data):
    path = data({"warm": with_gaps(WARM)})
    command = ["frame", path, "--timesteps", "3", "--missing", "mask", "--json"]
    code, out, _ = call(*command, *TRAIN)
    assert code == 0
    assert np.isfinite(json.loads(out)["error"]["mean"])


def test_parquet_is_read_as_well(call, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is an extra that is not installed")
    import pyarrow.parquet as pq

    path = tmp_path / "data.parquet"
    pq.write_table(pyarrow.table({"warm": WARM, "day": ["x"] * 160}), path)
    code, out, _ = call("frame", path, "--timesteps", "4", "--json")
    assert code == 0
    assert json.loads(out)["columns"] == ["warm"]


BAD = [
    (["--column", "wram"], "data.csv has no column `wram`. Did you mean `warm`?"),
    (["--column", "warm", "--column", "warm"], "a column is named twice"),
    ([], "several columns of numbers: warm, cold. Name the one to predict: --column warm."),
    (["--column", "warm", "--timesteps", "0"], "`timesteps` must be at least 1, got 0"),
    (["--column", "warm", "--timesteps", "1.5"], "must be a whole number, got 1.5"),
    (["--column", "warm", "--timesteps", "200"], "an episode takes 201, and of 160 rows 112 train"),
    (["--column", "warm", "--horizon", "120"], "too few rows: an episode takes 132"),
    (["--column", "warm", "--season", "113"], "`season` must be of no more rows than train (112)"),
    (["--column", "warm", "--scored-on", "0.7"], "`scored_on` must be at most 0.5, got 0.7"),
    (["--column", "warm", "--scale", "log"], "log"),
    (["--column", "warm", "--sequences", "9"], "`--sequences` is for training. Name a model"),
    (["--column", "warm", "--batch-size", "9"], "`--batch-size` is for training"),
    (["--column", "warm", "--hidden-size", "9"], "`--hidden-size` is for training"),
    (["--column", "warm", "--model", "lstn"], "There is no model `lstn`. Did you mean `lstm`?"),
    (
        ["--column", "warm", "--model", "seq2seq"],
        "which Series does not have. Use --model lstm.",
    ),
    (["--column", "warm", "--model", "mlp", "--seeds", "0"], "`seeds` must be at least 1"),
    (["--column", "warm", "--model", "mlp", "--sequences", "0"], "`sequences` must be at least 1"),
    (["--column", "warm", "--output", "/nowhere/at/all"], "/nowhere/at/all"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[str(each[0]) for each in BAD])
def test_bad_flags_are_one_line_and_exit_code_2(call, data, arguments, message):
    code, out, err = call("frame", data(), *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def changed(row, cell):
    cells = [f"{value:.3f}" for value in WARM]
    cells[row] = cell
    return {"warm": cells}


FILES = {
    "text": (changed(7, "hot"), "data.csv: `warm` is no number in line 9: 'hot'"),
    "infinite": (changed(7, "inf"), "data.csv: `warm` is no number in line 9: 'inf'"),
    "large": (changed(7, "1e200"), "Series: warm is too large in row 8: 1e+200"),
    "constant": ({"warm": [0.1] * 160}, "warm does not change in all rows that train"),
    "few": ({"warm": WARM[:9]}, "too few rows: an episode takes 13, and of 9 rows 7 train"),
    "all missing": (
        {"warm": [*WARM[:130], *[np.nan] * 30], "cold": COLD},
        "warm is missing in all rows of the evaluation part (137 to 160)",
    ),
    "gaps": (
        {"warm": np.where(TIME % 9 == 3, np.nan, WARM)},
        "every episode of the training part (rows 1 to 112) shows a missing value or asks for one. "
        "Use --timesteps 7 or fewer, --missing mask or --missing mark.",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_bad_files_are_one_line_and_exit_code_2(call, data, case):
    columns, message = FILES[case]
    for more in ([], TRAIN):
        code, out, err = call("frame", data(columns), "--column", "warm", *more)
        assert (code, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1


def test_gaps_that_leave_no_target_are_refused_before_anything_is_trained(call, data):
    """The rows that train and those that score are whole, those that choose are not."""
    rows = np.where((TIME >= 108) & (TIME < 138) & (TIME % 4 == 0), np.nan, WARM)
    code, out, err = call("frame", data({"warm": rows}), "--timesteps", "5", *TRAIN)
    assert (code, out) == (2, "")
    assert "every episode of the validation part (rows 113 to 136) shows a missing value" in err
    assert "Use --timesteps 2 or fewer, --missing mask or --missing mark." in err
    assert err.count("\n") == 1
    for as_ in ("timesteps", "features"):
        shape = ("--timesteps", "2", "--as", as_)
        assert call("frame", data({"warm": rows}), *shape)[0] == 0


def test_rows_of_which_each_second_is_missing_have_no_fewer_timesteps(call, data):
    _, _, err = call("frame", data({"warm": np.where(TIME % 2, np.nan, WARM)}))
    assert err.rstrip().endswith("or asks for one. Use --missing mask or --missing mark.")


def test_a_file_that_is_none_is_named(call, tmp_path):
    code, out, err = call("frame", tmp_path / "none.csv")
    assert (code, out) == (2, "")
    assert "There is no file" in err
    assert "none.csv" in err


def test_output_goes_to_a_file(call, data, tmp_path):
    place = tmp_path / "out.json"
    code, out, _ = call("frame", data(), "--column", "cold", "--json", "--output", place)
    assert (code, out) == (0, "")
    assert json.loads(place.read_text())["target"] == "cold"


def test_the_answer_has_the_forms_of_all_answers(call, data, tmp_path):
    asked = [data(), "--column", "warm", "--timesteps", "4", *TRAIN]
    errors = json.loads(call("frame", *asked, "--json")[1])
    lines = call("frame", *asked, "--format", "csv")[1].splitlines()
    head = "problem,model,error,within,error_low,error_high,within_low,within_high,"
    own = "ratio,ratio_low,ratio_high,parameters,state,updates_per_second,flops_per_update,memory,"
    own += "seconds_per_step,recipe,problem_version"
    assert sorted(lines[0].split(",")) == sorted((head + own).split(","))
    found = {line.split(",")[1]: float(line.split(",")[2]) for line in lines[1:]}
    assert found == pytest.approx({**errors["baselines"], errors["model"]: errors["error"]["mean"]})
    assert "| last value |" in call("frame", *asked[: -len(TRAIN)], "--format", "md")[1]
    for name in ("a.tex", "a.csv", "a.html", "a.parquet", "a.svg"):
        for _ in range(2):  # it is known again as its own
            assert call("frame", *asked, "--output", tmp_path / name)[0] == 0
    untrained = asked[: -len(TRAIN)]
    code, out, err = call("frame", *untrained, "--output", tmp_path / "b.svg")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "has no figure" in err


def test_a_settings_file_names_the_table(call, data, tmp_path):
    settings = tmp_path / "s.toml"
    settings.write_text(
        f'file = "{data()}"\ncolumn = ["warm", "cold"]\ntimesteps = 4\njson = true\n'
    )
    found = json.loads(call("frame", settings)[1])
    assert found["columns"] == ["warm", "cold"]
    assert found["inputs"] == [4, 2]


def test_a_page_is_written_where_it_is_asked_for(call, data, tmp_path):
    page = tmp_path / "page.html"
    asked = ["--column", "warm", "--timesteps", "4"]
    code, _, err = call("frame", data(), *asked, *TRAIN, "--report", page)
    assert code == 0
    assert f"{page}: " in err
    text = page.read_text()
    assert "longlag frame" in text
    assert "warm, 1 row ahead" in text
    code, _, err = call("frame", data(), *asked, "--report", page)
    assert (code, err.count("\n")) == (2, 1)
    assert "`--report` is for training. Name a model: --model lstm." in err


# Files as people have them.


def dated(rows, newest_first=False):
    days = np.datetime64("2020-01-01") + np.arange(len(rows))
    lines = [f"{day},{row:.3f}" for day, row in zip(days, rows, strict=True)]
    return "\n".join(["date,warm", *(lines[::-1] if newest_first else lines)]) + "\n"


def test_a_file_that_has_the_newest_first_gives_the_same_answer_to_the_bit(call, tmp_path):
    answers = []
    for newest_first in (False, True):
        (tmp_path / "data.csv").write_text(dated(WARM + COLD, newest_first))
        train = ["frame", tmp_path / "data.csv", "--column", "warm", *TRAIN, "--json"]
        found = json.loads(call(*train)[1])
        for name in ("updates_per_second", "seconds_per_step"):  # measured
            assert found.pop(name) > 0
        notes = found.pop("read_with")
        assert any("newest first" in note for note in notes) == newest_first
        answers.append(found)
    assert answers[0] == answers[1]
    (tmp_path / "data.csv").write_text(dated(WARM + COLD, newest_first=True))
    code, out, _ = call("frame", tmp_path / "data.csv", "--column", "warm", "--no-time", "--json")
    backwards = json.loads(out)
    assert code == 0
    assert backwards["baselines"] != answers[0]["baselines"]


def test_how_a_file_was_read_is_printed_in_one_line(call, tmp_path):
    rows = "\n".join(
        f"{row};{1000 + value:.2f}".replace(".", ",") for row, value in enumerate(WARM)
    )
    (tmp_path / "data.csv").write_text(f"# warmth\nrow;warm\n{rows}\n")
    code, out, _ = call("frame", tmp_path / "data.csv", "--column", "warm")
    assert code == 0
    (line,) = (line for line in out.splitlines() if line.startswith("read with: "))
    for assumed in ("semicolons", "decimal commas", "comment line"):
        assert assumed in line


def test_codes_for_missing_values_are_named_and_taken_out(call, tmp_path):
    coded = np.where(np.arange(160) % 20 == 7, -99.99, WARM)
    (tmp_path / "coded.csv").write_text("warm\n" + "\n".join(map(str, coded)) + "\n")
    blank = "\n".join("" if value == -99.99 else str(value) for value in coded)
    (tmp_path / "blank.csv").write_text(f"warm\n{blank}\n")
    code, _, err = call("frame", tmp_path / "coded.csv")
    assert code == 0
    assert "`warm` holds -99.99 8 times" in err
    assert "use --missing-code -99.99" in err
    flag = ["--missing-code", "-99.99"]
    answers = []
    for name, flags in (("coded.csv", flag), ("blank.csv", [])):
        code, out, err = call("frame", tmp_path / name, *flags, "--json")
        assert (code, err) == (0, "")
        answers.append({**json.loads(out), "file": None})
    assert answers[0] == answers[1]
    assert answers[0]["missing"] == {"warm": 8}


def test_a_suggested_command_can_be_pasted_whatever_the_names(call, tmp_path):
    name = "PT08.S1 (CO) $x"
    lines = [f"{row / 3:.3f},{value:.3f}" for row, value in enumerate(WARM)]
    (tmp_path / "data.csv").write_text("\n".join([f'"{name}",b', *lines]) + "\n")
    _, _, err = call("frame", tmp_path / "data.csv")
    _, _, suggested = err.partition("predict: ")
    code, out, _ = call("frame", tmp_path / "data.csv", *shlex.split(suggested.strip().rstrip(".")))
    assert code == 0
    assert out.startswith(f"{name} of data.csv")


WORDED = {
    "n/e": ("n/e", "`warm` has words among its numbers, the first in line 10: 'n/e' (8)"),
    "<1": ("<1", "or make them missing: use --column warm --missing-code '<1'."),
    "Dividend": ("0.24 Dividend", "use --column warm --missing-code '0.24 Dividend'; else"),
    "-x": ("-x", "use --column warm --missing-code=-x; else"),
}


@pytest.mark.parametrize("others", [["cold"], ["cold", "dry"]], ids=repr)
@pytest.mark.parametrize("case", WORDED)
def test_no_other_column_is_predicted_in_silence_for_a_few_words(call, data, case, others):
    word, message = WORDED[case]
    warm = [word if row % 20 == 8 else f"{value:.3f}" for row, value in enumerate(WARM)]
    path = data({"warm": warm, **dict.fromkeys(others, COLD)})
    code, out, err = call("frame", path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--column cold. `warm` has " in err
    assert message in err
    suggested = re.search(r"(?:missing values,|make them missing:) use (.*?)(?:; else|\.\n)", err)
    assert suggested is not None
    flags = shlex.split(suggested[1])
    code, out, err = call("frame", path, *flags)
    assert (code, err) == (0, "")
    assert "missing: 8 of warm" in out
    assert call("frame", path, "--column", "cold")[0] == 0


def test_a_flag_beside_some_numbers_and_a_code_of_an_id_stop_nothing(call, data):
    flags = ["p" if row > 155 else "" for row in range(160)]
    ids = ["M" if row == 9 else f"{row * 7 % 160}" for row in range(160)]
    code, out, err = call("frame", data({"warm": WARM, "OBS_FLAG": flags, "site id": ids}))
    assert (code, err) == (0, "")
    assert out.startswith("warm of data.csv")
    assert "OBS_FLAG" not in out


@pytest.mark.parametrize(("word", "flag"), [("hot", "--missing-code hot"),
                                            ("-x", "--missing-code=-x")])  # fmt: skip
def test_one_word_is_named_with_the_flag_that_makes_it_missing(call, data, word, flag):
    path = data(changed(7, word))
    _, _, err = call("frame", path)
    assert f"where a value is missing, use {flag}, or name another column." in err
    code, out, _ = call("frame", path, *flag.split())
    assert code == 0
    assert "missing: 1 of warm" in out


def test_the_baselines_hold_each_season_that_the_times_suggest(call, tmp_path):
    hours = np.arange(24 * 70)
    rng = np.random.default_rng(0)
    load = np.sin(2 * np.pi * hours / 24) + 0.4 * rng.normal(size=len(hours))
    times = np.datetime64("2024-01-01T00", "h") + hours
    lines = [f"{time},{value:.4f}" for time, value in zip(times, load, strict=True)]
    (tmp_path / "load.csv").write_text("\n".join(["time,load", *lines]) + "\n")
    asked = ["frame", tmp_path / "load.csv", "--column", "load", "--horizon", "12", "--json"]
    found = json.loads(call(*asked)[1])
    assert found["season"] == 24
    assert {"seasonal", "seasonal 168"} < found["baselines"].keys()
    assert min(found["baselines"], key=found["baselines"].get).startswith(("seasonal", "mean"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--time", "day"], "there is no column `day`"),
        (["--time", "warm", "--no-time"], "`--time` and `--no-time` exclude each other"),
        (["--missing-code", "x"], "missing-code"),
        (["--decimal", ";"], "decimal"),
        (["--duplicates", "all"], "duplicates"),
    ],
)
def test_reading_that_cannot_be_is_one_line(call, data, flags, message):
    code, out, err = call("frame", data(), "--column", "warm", *flags)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_fitted_baselines_stand_in_the_table_and_the_best_of_all_is_compared_with(
    call, data, monkeypatch
):
    def seers(values, trains, season, horizon):
        assert (trains, season, horizon) == (112, 8, 2)
        later = np.where(np.arange(len(values)) < trains, np.nan, values)
        return {"AutoETS": later, "AutoARIMA": later + 1}  # one that is always right

    command = ["frame", data({"warm": WARM + 0.1 * COLD}), "--horizon", "2"]
    monkeypatch.setitem(sys.modules, "statsforecast.models", None)
    code, out, err = call(*command, "--baselines")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Use pip install 'longlag[baselines]'" in err
    monkeypatch.setattr("longlag.adapters.statsforecast.rolling", seers)
    plain = json.loads(call(*command, "--json")[1])
    found = json.loads(call(*command, "--baselines", "--json", *TRAIN)[1])
    assert found["baselines"].keys() - plain["baselines"].keys() == {"AutoETS", "AutoARIMA"}
    assert {**found["baselines"], **plain["baselines"]} == found["baselines"]
    assert found["baselines"]["AutoETS"] == pytest.approx(0, abs=1e-5)
    unit = np.std((WARM + 0.1 * COLD)[:112])  # they are told values in units of the deviation
    assert found["baselines"]["AutoARIMA"] == pytest.approx(unit, rel=1e-5)
    assert (found["against"], found["verdict"]) == ("AutoETS", "worse")
    assert "AutoARIMA" in call(*command, "--baselines")[1]
