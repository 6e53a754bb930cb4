"""The command line. Each command is imported when it is asked for."""

from __future__ import annotations

import _thread
import contextlib
import gc
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from types import FrameType

from cyclopts import App, CycloptsError

from longlag.cli._output import Printer, Refused, errors
from longlag.studies.registry import KINDS


def _version() -> str:
    from importlib import metadata

    return metadata.version("longlag")


app = App(
    name="longlag",
    console=Printer(highlight=False),
    help="What can a sequence model remember, and why does it fail when it does?",
    version=_version,
    help_epilogue=(
        "Begin with `longlag reproduce echo`, or "
        "`longlag audit echo-lag --framing chunks --carry` to see why a setup cannot work."
    ),
)

_COMMANDS = {
    "problems": (
        "List the problems with their options, ranges and defaults.",
        "longlag problems --json",
    ),
    "show": (
        "Print one sequence, and the samples X and targets y that it is cut into.",
        "longlag show echo-lag --lag 1 --framing window --timesteps 5 --seed 3",
    ),
    "audit": (
        "Check, without training, whether the model can get the inputs it needs.",
        "longlag audit echo-lag --framing chunks --timesteps 1 --carry --rows consecutive "
        "--batch-size 6",
    ),
    "train": (
        "Train a model and score it on fresh sequences.",
        "longlag train echo-lag --framing window --timesteps 5 --model lstm --hidden-size 50 "
        "--epochs 2000 --batch-size 5 --seeds 4",
    ),
    "runs": (
        "List, show or export saved trials (a trial is one training run with one seed).",
        "longlag runs --problem echo-value --verdict undertrained --limit 20",
    ),
    "report": (
        "Write one HTML page about the saved studies.",
        "longlag report --store longlag.db --out report.html",
    ),
    "export": (
        "Save a problem as training, validation and test files, for other programs.",
        "longlag export echo-lag --framing window --timesteps 5 --out echo",
    ),
    "frame": (
        "Cut your own time series into samples, and compare a model with simple baselines.",
        "longlag frame data.csv --column temperature --timesteps 12 --horizon 1 --model lstm",
    ),
    "check": (
        "Check your own problem or model for mistakes, before training.",
        "longlag check path/to/file.py:MyProblem",
    ),
    "reproduce": (
        "Check the statements of two LSTM tutorials by training their models.",
        "longlag reproduce echo/current echo/lag-without-context --seeds 3",
    ),
}
_LINES = {
    **{name: (f"longlag.cli.{name}:{name}", *text) for name, text in _COMMANDS.items()},
    **{kind.name: (kind.command, kind.help, kind.example) for kind in KINDS.values()},
}
for _name, (_command, _summary, _example) in _LINES.items():
    app.command(_command, name=_name, help=f"{_summary}\n\nExample: `{_example}`")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; bad input gives one line on standard error and exit code 2."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever called
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it lasts as long as we do
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without the map's characters
    try:
        with _interruptible():
            _run(tokens)
    except BrokenPipeError:
        # The reader of a pipe has gone: nothing is left to say, to anyone.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends in order; once more, or on the way out, at once."""
    struck = 0

    def strike(_: int, frame: FrameType | None) -> None:
        nonlocal struck
        if _collecting(frame):
            # What is raised there ends nothing, and is printed. No lock may be waited for here.
            _thread.start_new_thread(_strike_soon, ())
            return
        struck += 1
        if struck > 1:
            os._exit(130)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, strike)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if struck else before)


def _collecting(frame: FrameType | None) -> bool:
    """Whether this runs in what someone (JAX, say) wants called when garbage is collected."""
    called = [getattr(each, "__code__", None) for each in gc.callbacks]
    while frame is not None:
        if frame.f_code in called:
            return True
        frame = frame.f_back
    return False


def _strike_soon() -> None:
    time.sleep(0.01)
    if hasattr(signal, "pthread_kill"):
        # One that wakes the main thread where it waits, unlike `interrupt_main`.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _run(tokens: list[str]) -> None:
    try:
        code = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        _refuse(" ".join(str(error).split()))
    except Refused as error:
        _refuse(str(error))
    except MemoryError as error:
        _refuse(f"not enough memory for this: {error}. Use smaller sizes.")
    except KeyboardInterrupt:
        errors.print("Interrupted.")
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        _refuse(f"cannot write the output: {error.strerror}.")
    else:
        raise SystemExit(code or 0)


def _refuse(message: str) -> None:
    errors.print(f"longlag: {message}", markup=False, soft_wrap=True)
    raise SystemExit(2)
