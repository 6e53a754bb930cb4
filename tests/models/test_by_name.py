import pytest

import longlag as ll
from longlag.adapters.models.user_model import as_factory
from longlag.models import MODELS
from longlag.models.by_name import by_name, parse


@pytest.mark.parametrize("name", MODELS)
def test_a_name_is_the_model_with_its_defaults(name):
    assert by_name(f" {name} ") == by_name(f"{name}()") == MODELS[name]()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lstm(3)", r"`lstm\(3\)` is no model\. Write its knobs by name: lstm\(hidden_size=3\)\."),
        ("LSTM( 50 )", r"Write its knobs by name: lstm\(hidden_size=50\)\."),
        ("lstm(hidden_size=3", "is no model"),
        ("lstm(hidden_size={[]: 1})", "is no model"),
        ("lstm(hidden_size=print(1))", "is no model"),
        ("lstm(**{'a': 1})", "is no model"),
        ("a.b(c=1)", "is no model"),
        (
            "ours = gru(hidden_size=8)",
            r"is no model\. Show it by a name: \{'ours': 'gru\(hidden_size=8\)'\}\.",
        ),
        ("lsm", "There is no model `lsm`. Did you mean `lstm`?"),
        ("lstm(hidden_size=0)", "hidden_size"),
        (
            "lstm hidden_size=4",
            r"`lstm hidden_size=4` is no model\. .* brackets: lstm\(hidden_size=4\)\.",
        ),
        *((text, r"brackets: lstm\(hidden_size=4\)\.") for text in ("lstm 4", "lstm units = 4")),
        ("gru n-hidden=4", r"brackets: gru\(hidden_size=4\)\."),
        ("gru(units=4)", "longlag calls it `hidden_size`"),
        ("mlp hidden_size=4 context=2", r"brackets: mlp\(hidden_size=4, context=2\)\."),
        ("", "There is no model ``"),
        ("(" * 500, "is no model"),
    ],
)
def test_what_is_no_model_is_one_line(text, message):
    with pytest.raises((ValueError, TypeError), match=message) as failed:
        by_name(text)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("bidirectional(cell=gru)", ll.Bidirectional(cell="gru")),
        ("seq2seq(attention=true)", ll.Seq2Seq(attention=True)),
        ("mlp(context=None, hidden-size=3)", ll.MLP(hidden_size=3)),
        ("mlp(context=none)", ll.MLP()),
    ],
)
def test_words_need_no_quotes_which_a_shell_takes_away(text, model):
    assert by_name(text) == model


def test_everything_that_takes_a_model_takes_its_name():
    problem, framing = ll.EchoLag(values=4, length=4), ll.Whole()
    setting = ll.Setting(problem=problem, framing=framing, model=as_factory("gru(hidden_size=3)"))
    assert setting.model == ll.GRU(hidden_size=3)
    run = ll.train(problem, framing, "gru(hidden_size=3)", sequences=5)
    assert run.setting.model == ll.GRU(hidden_size=3)
    assert ll.preflight(problem, framing, "mlp").passed


@pytest.mark.parametrize("name", MODELS)
def test_every_choice_of_a_knob_can_be_typed_without_quotes(name):
    for knob in MODELS[name].knobs():
        for choice in knob.choices:
            assert parse(f"{name}({knob.name}={choice})")[1] == {knob.name: choice}
