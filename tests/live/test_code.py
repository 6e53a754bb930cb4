import shlex

import pytest

from longlag.cli.app import app
from longlag.live.code import as_command, as_python
from longlag.live.setup import Own, Setup

SETUPS = [
    {},
    {
        "lag": "3",
        "framing": "chunks",
        "timesteps": "2",
        "carry": "true",
        "rows": "consecutive",
        "batch-size": "4",
    },
    {"problem": "cumulative-threshold", "model": "mlp", "context": "2", "learning-rate": "0.01"},
    {"problem": "echo-subsequence", "framing": "encoder-decoder", "model": "seq2seq", "seeds": "3"},
    {"framing": "window", "missing": "mark", "encoding": "scaled", "stop-at": "0.9"},
]


@pytest.mark.parametrize("texts", SETUPS, ids=str)
def test_the_python_makes_the_same_setting(texts):
    import longlag as ll

    setup, asked = Setup.of(texts), {}

    class Recorder:
        def __getattr__(self, name):
            if name != "train":
                return getattr(ll, name)

            def train(problem, framing, model, *, seeds=1, encoding=None, **recipe):
                asked.update(
                    setting=ll.Setting(
                        problem=problem,
                        framing=framing,
                        model=model,
                        encoding=encoding,
                        recipe=ll.Recipe(**recipe),
                    ),
                    seeds=seeds,
                )

            return train

    source = as_python(setup).replace("import longlag as ll", "")
    exec(source, {"ll": Recorder(), "print": lambda _: None})
    assert asked == {"setting": setup.setting(), "seeds": setup.seeds}


@pytest.mark.parametrize("texts", SETUPS, ids=str)
def test_the_command_is_read_as_the_same_setting(texts):
    from longlag.cli._flags import flag_values
    from longlag.training import Recipe

    setup = Setup.of(texts)
    _, bound, _ = app.parse_args(shlex.split(as_command(setup))[1:], exit_on_error=False)
    given = bound.arguments
    options = given.get("options")
    recipe = Recipe(**flag_values(given.get("recipe")))
    if options is None:
        from longlag.cli._setting import SETTING

        options = SETTING
    setting = options.setting(given["problem"], given.get("model"), recipe)
    assert setting == setup.setting()
    assert given.get("seeds", 1) == setup.seeds


def test_own_code_is_imported_by_its_name():
    import longlag as ll

    own = Own({"some/mine.py:hard": ll.EchoLag(lag=2)}, {"some/mine.py:make": ll.GRU()})
    texts = {"problem": "some/mine.py:hard", "model": "some/mine.py:make"}
    source = as_python(Setup.of(texts, own), own)
    assert "from mine import hard" in source
    assert "    hard,\n" in source
    assert "'some/mine.py:make'" in source


def test_paths_with_spaces_are_quoted():
    import longlag as ll

    name = "my code/mine.py:hard"
    setup = Setup.of({"problem": name}, Own({name: ll.EchoLag(lag=2)}))
    assert shlex.split(as_command(setup)) == ["longlag", "train", name]
