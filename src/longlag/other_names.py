"""Names that users know from other libraries, and what longlag calls them."""

from __future__ import annotations

from collections.abc import Iterable

_SIZE = "the number of units of a layer"
_STEPS = "the steps of a sample"
_CARRY = "with the framing chunks, or window, it keeps the state from one piece to the next"
_OUTPUTS = (
    "Whole() and Chunks() have outputs at every step, Window() at the last",
    "the framing says where outputs are: whole and chunks at every step, window at the last",
)
_SHAPE = tuple(
    f"the timesteps are {knob}; features follow from problem and encoding"
    for knob in ("those of Chunks() or Window()", "--timesteps, of the framing chunks or window")
)
_FRESH = "the number to train on, in all; an epoch of Keras is a pass over a data set"
_UPDATES = "an update takes a batch of samples, and a sequence gives one of them or several"
_HORIZON = "the steps that a gradient goes back; state passes on with the framing chunks and carry"
_SEVERAL = "a study tries several, as [0.001, 0.01]", "a study tries several, separated by commas"
_DEVICE = "cpu or gpu, for models of JAX"
_BUDGET = "a trial of a study trains on so many fresh sequences at most"
_EFFORT = "effort", "it multiplies the training sequences of every problem"
_SHOWS = (
    "studies show their progress on standard error; progress=False shows none",
    "progress goes to standard error, and --json prints one document",
)
_WORKERS = "the processes of a study, each of which trains one trial at a time"
_OWN_CODE = "write it in your own code, as a function that returns the model"
_SHORTEST, _LONG = 3, 8  # letters of names that may be slips
_BLOCKS = "residual blocks; lstm, gru and rnn are one layer, of which residual has several"
_OTHER_NAMES = {
    **dict.fromkeys(
        (
            *("units", "num-units", "hidden", "hidden-dim", "width", "n-hidden", "latent-dim"),
            *("neurons", "d-model", "n-units", "hidden-units", "state-size", "cell-size"),
            *("dim", "model-dim", "hid-dim", "n-hid", "nhid", "rnn-size", "layer-size"),
        ),
        ("hidden_size", _SIZE),
    ),
    **dict.fromkeys(
        (
            *("n-steps", "time-steps", "n-timesteps", "look-back", "lookback", "window", "n-in"),
            *("context", "ctx", "context-length", "context-size", "block-size", "history", "past"),
            *("history-length", "input-length", "n-lags", "num-lags", "length", "window-size"),
        ),
        ("timesteps", _STEPS),
    ),
    **dict.fromkeys(("bptt", "tbptt"), ("timesteps", _HORIZON)),
    "padding": ("pad", "with the framing prefix, where shorter samples are padded"),
    **dict.fromkeys(
        ("seq-len", "seq-length", "sequence-length", "len"), ("length", "of a sequence")
    ),
    **dict.fromkeys(
        ("n-heads", "num-heads", "nhead", "n-head"),
        ("heads", "parts of the features, each by itself"),
    ),
    "kernel-size": ("kernel", "the steps that a convolution takes together"),
    **dict.fromkeys(("lr", "eta"), ("learning_rate", "the step size of the optimiser")),
    **dict.fromkeys(("return-sequences", "many-to-one"), ("framing", _OUTPUTS)),
    **dict.fromkeys(("batch-input-shape", "batch-shape"), ("batch_size", _SHAPE)),
    **dict.fromkeys(
        ("epoch", "epochs", "n-epochs", "num-epochs", "nb-epoch", "max-epochs"),
        ("sequences", _FRESH),
    ),
    **dict.fromkeys(("learning-rate", "lrs"), ("learning_rates", _SEVERAL)),
    "learning-rates": ("learning_rate", "one; compare and profile try several"),
    **dict.fromkeys(("stateful", "return-state"), ("carry", _CARRY)),
    "stop-at": ("solve_at", "the skill that counts as solved, beyond which a trial also ends"),
    **dict.fromkeys(
        ("one-hot", "onehot", "to-categorical"), ("encoding", "one-hot, the default, or scaled")
    ),
    **dict.fromkeys(
        ("sliding", "sliding-window", "rolling", "rolling-window"),
        ("window", "the last timesteps steps are a sample"),
    ),
    **dict.fromkeys(
        ("seq2seq", "many-to-many"), ("encoder-decoder", "the framing of the model seq2seq")
    ),
    **dict.fromkeys(
        ("mask", "masking", "mask-value"),
        ("missing", "mask or mark, with the framing window"),
    ),
    "shuffle": (
        "rows",
        "sequences are drawn afresh; with carry, their pieces are in order, or shuffled",
    ),
    **dict.fromkeys(("num-layers", "n-layers", "n-layer", "num-blocks"), ("layers", _BLOCKS)),
    **dict.fromkeys(("d-state", "state-dim"), ("states", "numbers of state of a channel")),
    "samples": ("sequences", "the number of fresh sequences to train on"),
    "budget": ("sequences", "the number of fresh sequences to train on"),
    "sequences": ("budget", _BUDGET),
    **dict.fromkeys(("optimiser", "optim"), ("optimizer", "adam, adamw or sgd")),
    **dict.fromkeys(("wd", "decay"), ("weight_decay", "with the optimiser adamw")),
    **dict.fromkeys(
        (
            *("clip", "clipnorm", "clip-grad", "clip-grad-norm", "global-clipnorm", "grad-clip"),
            *("gradient-clip", "gradient-clip-val", "gradient-clipping", "max-grad-norm"),
            *("max-norm", "clipvalue", "clip-value"),
        ),
        ("clip_norm", "the norm, over all weights together, that gradients are scaled down to"),
    ),
    **dict.fromkeys(
        ("scheduler", "lr-scheduler", "lr-scheduler-type", "lr-schedule", "lr-decay"),
        ("schedule", "constant or cosine, over the planned updates"),
    ),
    **dict.fromkeys(
        ("warmup-steps", "warmup-ratio", "num-warmup-steps", "warmup-updates", "warmup-epochs"),
        ("warmup", "a share of the planned updates, such as 0.1"),
    ),
    **dict.fromkeys(
        (
            *("random-state", "seed", "random-seed", "repeats", "n-repeats", "trials", "n-trials"),
            *("num-seeds", "n-seeds", "nseeds", "seed-count", "n-runs", "num-runs", "runs"),
        ),
        ("seeds", "a number, 2 for the seeds 0 and 1; in Python also a list, as [1]"),
    ),
    **dict.fromkeys(
        ("iterations", "n-iter", "num-steps", "max-steps", "steps", "updates", "num-updates"),
        ("sequences", _UPDATES),
    ),
    "steps-per-epoch": ("sequences", _UPDATES),
    **dict.fromkeys(
        ("gpu", "gpus", "use-gpu", "cuda", "use-cuda", "accelerator"), ("device", _DEVICE)
    ),
    **dict.fromkeys(("n-jobs", "jobs", "num-workers", "n-workers"), ("workers", _WORKERS)),
    **dict.fromkeys(
        ("log-dir", "logdir", "log", "logger", "tensorboard"),
        ("track", ("as in track=['tensorboard']", "as in --track tensorboard")),
    ),
    **dict.fromkeys(("plot", "chart"), ("figure", "a file that ends in .svg, .png or .html")),
    **dict.fromkeys(("max-lag", "max-value", "maximum"), ("limit", "the largest value to try")),
    **dict.fromkeys(("save-path", "save-dir", "model-path"), ("save", "the file of the model")),
    **dict.fromkeys(("n-samples", "train-size", "dataset-size", "n-seq"), ("sequences", _FRESH)),
    **dict.fromkeys(("vocab-size", "num-classes", "n-classes"), ("values", "different integers")),
    **dict.fromkeys(("bs", "mini-batch", "batch", "n-batch"), ("batch_size", "samples in a batch")),
    **dict.fromkeys(("delay", "offset"), ("lag", "the steps between an input and its target")),
    **dict.fromkeys(
        ("look-ahead", "n-out", "forecast-length"), ("horizon", "rows that a forecast looks ahead")
    ),
    **dict.fromkeys(
        ("early-stopping", "patience"), ("stop_at", "the accuracy at which training ends")
    ),
    **dict.fromkeys(
        ("precision", "mixed-precision", "amp", "autocast", "bf16", "fp16", "half"),
        ("dtype", "float32 or bfloat16, of the updates"),
    ),
    **dict.fromkeys(
        ("model-type", "model-name", "arch", "architecture", "network"), ("model", "its name")
    ),
    "model": ("models", "their names"),
    **dict.fromkeys(("time-series", "timeseries"), ("Series", "rows of a table as a problem")),
    "seasonality": ("season", "rows in a season"),
    **dict.fromkeys(("col", "cols", "target"), ("column", "of a table; the first is predicted")),
    "values": ("column", "of a table; the first is predicted, all are features"),
    **dict.fromkeys(("simplernn", "vanilla-rnn", "elman"), ("rnn", "a plain layer with tanh")),
    **dict.fromkeys(("bilstm", "bi-lstm", "bigru"), ("bidirectional", "it reads both ways")),
    **dict.fromkeys(("encoder-decoder-lstm", "seq-to-seq"), ("seq2seq", "encoder and decoder")),
    **dict.fromkeys(
        ("n-features", "features"),
        ("values", "with one-hot vectors, a step has as many features as values"),
    ),
}
"""Names of other libraries: the knob, model or option they mean here, and a reason.

A pair is the reason in Python and that on the command line.
"""

_ONE_LAYER = "lstm, gru and rnn are one layer; the model residual has several of them"
_WITHOUT_KNOB = {
    **dict.fromkeys(("dropout", "recurrent-dropout"), "no model of longlag has dropout; write one"),
    "layers": _ONE_LAYER,
    "bidirectional": ("use the model Bidirectional()", "use the model `bidirectional`"),
    **dict.fromkeys(
        ("validation-split", "val-split", "validation-data", "test-size", "test-split"),
        tuple(
            "training, validation and scores each have sequences of their own; of a series "
            f"{scored} is the share of rows for the test"
            for scored in ("Series(scored_on=0.15)", "--scored-on 0.15")
        ),
    ),
    **dict.fromkeys(
        ("loss", "criterion", "metrics", "score", "scoring"),
        "it follows from the targets of the problem",
    ),
    **dict.fromkeys(("momentum", "nesterov"), "the optimisers are adam, adamw and plain sgd"),
    "activation": "a model has its size; others belong in your own code",
    **dict.fromkeys(("weights", "pretrained"), "training begins from fresh weights"),
    **dict.fromkeys(
        ("state", "states", "initial-state", "hidden-state", "reset-state", "reset-states"),
        "a sequence begins from a state of zeros, always",
    ),
    "trainer": "problems give their batches to a trainer of your own: framing.stream(problem, …)",
    "config": (
        "all settings are arguments",
        "a settings file stands right after the command: longlag train study.toml",
    ),
    **dict.fromkeys(("stride", "step"), "a series is trained on stretches that begin at any row"),
    **dict.fromkeys(("verbose", "quiet", "silent", "no-progress", "progress-bar"), _SHOWS),
    "recipe": "its knobs are arguments of their own, such as batch_size and optimizer",
    "progress": ("train shows none; studies do", "it goes to standard error; --json shows none"),
    "store": (
        "train keeps nothing: run.save(path) writes a model; studies have a store",
        "longlag train keeps nothing: --save FILE writes a model; studies have a store",
    ),
    **dict.fromkeys(
        ("callbacks", "callback"),
        (
            "train takes stop_at, which ends it early, and track, which logs each trial",
            "longlag train takes --stop-at, which ends it early, and --track, which logs trials",
        ),
    ),
    **dict.fromkeys(
        ("dense", "linear", "timedistributed", "time-distributed"),
        "models have a dense layer at each output of their own",
    ),
    **dict.fromkeys(("sequential", "attention-layer", "conv1d", "filters", "dilation"), _OWN_CODE),
    "heads": f"models such as transformer have heads; else {_OWN_CODE}",
    "kernel": f"the model tcn has a kernel; else {_OWN_CODE}",
    "workers": (
        "train runs its seeds in this process; studies take executor=Local(workers=2), of "
        "longlag.workers.local",
        "longlag train runs its seeds in one process; studies, such as compare, have --workers",
    ),
    "backend": "it follows from the model: those of PyTorch train in PyTorch, all others in JAX",
    "compile": "optimiser and learning rate are arguments of train(), and the loss follows from "
    "the targets",
    "device": "JAX chooses it: set JAX_PLATFORMS=cuda or cpu",
    "save": ("run.save(path) writes its model", "longlag train --save FILE writes a model"),
    "teacher-forcing": "an encoder and decoder are trained with it, and scored without it",
    **dict.fromkeys(
        (
            *("embedding", "embedding-dim", "embedding-size", "embed-dim", "emb-dim", "n-embd"),
            "emb-size",
        ),
        "an encoding is one-hot or scaled; write an embedding in a model of your own",
    ),
    "batch-first": "batches come first, always",
    **dict.fromkeys(
        ("input", "input-size", "input-dim"),
        "it follows from problem and encoding",
    ),
    "input-shape": _SHAPE,
}
"""Names of other libraries for which there is no knob, and why."""

_HOMES = {
    "hidden_size": "LSTM, GRU and other models",
    **dict.fromkeys(("timesteps", "carry"), "Chunks and Window"),
    "rows": "Chunks",
    "heads": "Transformer and other models",
    "kernel": "TCN",
    "pad": "Prefix",
    "horizon": "Series",
    **dict.fromkeys(("length", "values"), "problems"),
    **dict.fromkeys(
        (
            *("sequences", "batch_size", "learning_rate", "optimizer", "weight_decay", "clip_norm"),
            *("schedule", "warmup", "dtype"),
        ),
        "train and Recipe",
    ),
    **dict.fromkeys(("framing", "seeds"), "train and of studies"),
}
"""Where a knob belongs, in Python."""


_NONE = "longlag has no such option: "
_LIBRARIES = "keras", "tf", "tensorflow", "layers", "torch", "nn", "flax", "nnx", "linen", "equinox"
_PLAIN = "keras", "tf", "tensorflow", "torch", "pytorch", "flax", "equinox", "jax", "lightning"
_TABLES = "csv", "tsv", "txt", "dat", "xls", "xlsx", "parquet", "gz", "zip"


def without_knob(name: str) -> bool:
    """Whether a name of other libraries has nothing to set here."""
    return normalized(name) in _WITHOUT_KNOB


def borrowed(name: str, known: Iterable[str] = ()) -> str:
    """A sentence for a name of another library, with its name in longlag; empty if unknown.

    Args:
        name: The name.
        known: The names to choose from; by default all.

    >>> borrowed("--units")
    'longlag calls it `--hidden-size`: the number of units of a layer.'
    >>> borrowed("epochs", ["budget"])
    'longlag calls it `budget`: a trial of a study trains on so many fresh sequences at most.'
    >>> borrowed("stateful", ["hidden_size"])
    'longlag calls it `carry`, an argument of Chunks and Window: with the framing...'
    >>> borrowed("keras.layers.LSTM")
    "`lstm` is longlag's own; a layer of another library needs a file of yours: write a..."
    """
    if hint := _of_other_library(name):
        return hint
    keys, flag = {normalized(each): each for each in known}, name.startswith("-")
    if reason := _WITHOUT_KNOB.get(normalized(name)):
        return f"{_NONE}{_reason(reason, flag)}."
    key = normalized(name)
    key = key if key in _OTHER_NAMES else key.removeprefix("no-")
    first = ours, why = _OTHER_NAMES.get(key, ("", ""))
    if keys and normalized(ours) not in keys:
        if reason := _WITHOUT_KNOB.get(normalized(ours)):
            return f"{_NONE}{_reason(reason, flag)}."
        budget = "effort" in keys and ours in ("sequences", "budget")
        ours, why = _EFFORT if budget else _OTHER_NAMES.get(normalized(ours), ("", ""))
    if ours == "framing" and not keys and not flag:  # it was given as the name of one
        return f"T{_reason(why, flag=True)[1:]}."
    if ours and (not keys or normalized(ours) in keys):
        text = f"--{ours.replace('_', '-')}" if flag else keys.get(normalized(ours), ours)
        return f"longlag calls it `{text}`: {_reason(why, flag)}."
    ours, why = first
    if flag or ours not in _HOMES:
        return ""
    return f"longlag calls it `{ours}`, an argument of {_HOMES[ours]}: {_reason(why, flag)}."


def joined(rule: str, hint: str) -> str:
    """The sentence that a name does not exist, and the hint of `borrowed`, said once.

    >>> joined("train has no argument `layers`.", borrowed("layers"))
    'train has no argument `layers`: lstm, gru and rnn are one layer; the model residual...'
    """
    if hint.startswith(_NONE):
        return f"{rule.removesuffix('.')}: {hint.removeprefix(_NONE)}"
    return f"{rule} {hint}".rstrip()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a name is a slip of; None without.

    A slip is a letter too many, missing, wrong or out of place, two in a long name. The first
    letter is right, or missing.

    >>> known = ["start", "store", "lag", "sequences"]
    >>> nearest("sequneces", known), nearest("strat", known), nearest("lagg", known)
    ('sequences', 'start', 'lag')
    >>> nearest("state", known), nearest("stop", known), nearest("tag", known)
    (None, None, None)
    """
    found: list[tuple[int, str]] = []
    for each in known:
        most = 1 + (len(name) >= _LONG)
        if abs(len(name) - len(each)) > most or len(name) < _SHORTEST:
            continue
        if each[:1] == name[0] or each[1:] == name:
            found += [(slips, each)] if (slips := _slips(name, each)) <= most else []
    return min(found)[1] if found else None


def _slips(one: str, other: str) -> int:
    """The fewest letters to add, leave out, replace or swap with the next one."""
    before, row = list[int](), list(range(len(other) + 1))
    for at, letter in enumerate(one):
        older, before, row = before, row, [at + 1]
        for place, each in enumerate(other):
            costs = [before[place] + (letter != each), before[place + 1] + 1, row[place] + 1]
            if at and place and (letter, one[at - 1]) == (other[place - 1], each):
                costs.append(older[place - 1] + 1)
            row.append(min(costs))
    return row[-1]


def own_name(name: str, known: Iterable[str]) -> str:
    """One of the known names for that of another library; the name itself if none is.

    >>> own_name("units", ["hidden_size"]), own_name("colour", ["hidden_size"])
    ('hidden_size', 'colour')
    """
    ours, _ = _OTHER_NAMES.get(normalized(name), ("", ""))
    return next((each for each in known if normalized(each) == normalized(ours)), name)


def _of_other_library(name: str) -> str:
    """A sentence for a layer by its full name, or for a table that stands for a problem."""
    if (plain := normalized(name)) in _PLAIN:
        file = "a model of it needs a file of yours, FILE.py:make_model"
        return f"`{plain}` is a library: {file}; its trainer reads what longlag export writes."
    place, _, last = name.lower().rpartition(".")
    if place and last in _TABLES:
        return f"A table is a series of numbers: longlag frame {name}; in Python ll.Series."
    if place.partition(".")[0] not in _LIBRARIES:
        return ""
    own = f"`{last}` is longlag's own; a" if last in ("lstm", "gru") else "A"
    how = "write a function that makes the model to a file, and name that: FILE.py:make_model"
    return f"{own} layer of another library needs a file of yours: {how}."


def _reason(reason: str | tuple[str, ...], flag: bool) -> str:
    """A reason as it reads in Python or, beside a flag, on the command line."""
    return reason if isinstance(reason, str) else reason[flag]


def normalized(name: str) -> str:
    """A name without the differences of case, `-` and `_`."""
    return name.lower().replace("_", "-").strip("-")
