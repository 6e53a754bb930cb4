"""The command line. A command is imported when it is called."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path

from cyclopts import (
    App,
    Argument,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from longlag import files
from longlag.adapters import user_code
from longlag.adapters.models.hints import shortened
from longlag.cli import _command_line
from longlag.cli._interrupt import INTERRUPTED, end_in_time, interruptible
from longlag.cli._libraries import guard_libraries
from longlag.cli._settings_file import Settings
from longlag.cli._terminal import Printer, prepare_streams, printable, warn, write
from longlag.cli._unknown import OTHER_COMMANDS, no_problem, shape
from longlag.knobs import unknown_name
from longlag.other_names import borrowed, normalized, own_name
from longlag.studies.registry import KINDS
from longlag.version import longlag_version


def _refuse_empty_paths(_app: App, _commands: object, arguments: Iterable[Argument]) -> None:
    """Refuse an empty path, which pathlib takes for the working folder."""
    for argument in arguments:
        is_path = argument.hint is Path or Path in typing.get_args(argument.hint)
        if is_path and any(not token.value for token in argument.tokens):
            raise ValueError(f"`{argument.name}` must be a path, got an empty text. Name one.")


app = App(
    name="longlag",
    console=Printer(highlight=False),
    suppress_keyboard_interrupt=False,
    help_format="plaintext",  # to import a reader of Markdown would take a quarter of its time
    help="What can a sequence model remember, and why does it fail when it does?",
    version=longlag_version,
    help_epilogue=(
        "Begin with `longlag reproduce echo`, or "
        "`longlag audit echo-lag --framing chunks --carry --rows consecutive --batch-size 6` "
        "to see why a setup cannot work."
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
        "--sequences 2000 --batch-size 5 --seeds 4",
    ),
    "runs": (
        "List, show or export saved trials (a trial is one training run with one seed).",
        "longlag runs --problem echo-value --verdict undertrained --limit 20",
    ),
    "report": (
        "Write one HTML page about the saved studies.",
        "longlag report --store longlag.db --out report.html",
    ),
    "cite": (
        "Print BibTeX and a sentence for a paper, and what was run.",
        "longlag cite --store longlag.db",
    ),
    "play": (
        "Open a page to try problems, framings and models, and to watch them being trained.",
        "longlag play --lesson beginners-mistake",
    ),
    "gates": (
        "Show the gates and states of a trained model at each step of a sequence.",
        "longlag gates model.safetensors --sequence 3,1,4,1,5 --output gates.svg",
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
        "Check the statements of tutorials and of a paper by training their models.",
        "longlag reproduce echo/current echo/lag-without-context --seeds 3",
    ),
}
_LINES = {
    **{name: (f"longlag.cli.{name}:{name}", *text) for name, text in _COMMANDS.items()},
    **{kind.name: (kind.command, kind.help, kind.example) for kind in KINDS.values()},
}
for _name, (_command, _summary, _example) in _LINES.items():
    _help = f"{_summary}\n\nExample: `{_example}`"
    app.command(_command, name=_name, help=_help, help_format="markdown")


_BACKEND = "JAX_PLATFORMS", "JAX_NUM_CPU_DEVICES", "XLA_FLAGS"  # variables of JAX
_LONGEST = 1000  # characters of a message


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; bad input gives one line on standard error and exit code 2.

    Args:
        arguments: Those of the command; by default those of the process, which ends with it.
    """
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    prepare_streams()
    guard_libraries()
    with interruptible(program=arguments is None) as interrupted:
        code = _run(tokens)
    code = INTERRUPTED if interrupted.is_set() else code
    if arguments is None:
        end_in_time(code)
    raise SystemExit(code)


def _run(tokens: list[str]) -> int:
    settings = Settings(tokens)
    user_code.references.clear()
    app.config = settings, _refuse_empty_paths
    try:
        command, bound, _ = app.parse_args(settings.rest, exit_on_error=False, print_error=False)
        _command_line.remember(settings.arguments, settings.path)
        if settings.wanted:
            documented = app[tokens[0]].assemble_argument_collection(parse_docstring=True)
            write(settings.text(tokens[0], documented), None)
            return 0
        code = command(*bound.args, **bound.kwargs)
        sys.stdout.flush()
        return code or 0
    except BrokenPipeError:  # the reader closed the pipe, so print nothing more
        _drop_output()
        return 141
    except KeyboardInterrupt:
        warn("Interrupted.")
        return INTERRUPTED
    except BaseException as error:  # a user's file may raise anything
        if isinstance(error, OSError):
            _drop_output()
        message = _message(error, tokens)
        if message is None or os.environ.get("LONGLAG_TRACEBACK"):
            traceback.print_exc()
        else:
            message = _in_flags(message, tokens)
            with contextlib.suppress(OSError):  # standard error may be full; the exit code remains
                warn(f"longlag: {printable(message)}")
        return 1 if message is None else 2
    finally:
        _command_line.forget()
        files.forget()


def _drop_output() -> None:
    """Discard unwritten output, which Python would try to write again at exit."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _message(error: BaseException, tokens: Sequence[str]) -> str | None:
    """The message for bad input; None for a fault of longlag."""
    try:
        text = str(error)
    except Exception:  # of a class of the user's
        text = ""
    if line := user_code.raised_at(error):
        return f"{line} raises {type(error).__name__}: {shortened(text)}"
    match error:
        case UnknownOptionError() if error.token is not None:
            return _unknown_option(error, tokens)
        case UnknownCommandError() if tokens[:1] and (hint := OTHER_COMMANDS.get(tokens[0])):
            return f"longlag has no command `{tokens[0]}`: {hint}."
        case MissingArgumentError(argument=Argument() as absent) if _is_absent(error, tokens):
            example = f"as in {_LINES[tokens[0]][2]}"
            return f"longlag {tokens[0]} needs {absent.name}, {example}."
        case UnusedCliTokensError() if error.unused_tokens:
            if _takes_problem(tokens) and (fault := no_problem(tokens[1])):
                return fault
            owner = f"longlag {tokens[0]}" if tokens else "longlag"
            remedy = f"{owner} --help lists its arguments and options."
            if (unused := error.unused_tokens[0]).endswith(".toml"):
                remedy = f"A settings file stands right after the command: {owner} {unused}."
            return f"{owner} takes no argument `{unused}`. {remedy}"
        case CycloptsError():
            return _nearest_choice(" ".join(text.split()))
        case MemoryError():
            text = text or "the system gives no more"
            return f"not enough memory for this: {text}. Use smaller sizes."
        case OverflowError():
            return f"a number is too large: {text}. Use smaller sizes."
        case FileNotFoundError() if not _working_folder_exists():
            return "the working folder is gone. Change to one that exists."
        case OSError():
            return f"cannot write {error.filename or 'the output'}: {error.strerror or text}."
        case UnicodeError():
            return f"a text holds characters that cannot be read or written: {text}."
        case ValueError() if "null byte" in text or "null character" in text:
            return "a name or a path holds a null byte, which no file name may."
        case ValueError() if re.match("array is too big|Maximum allowed", text):  # of NumPy
            return f"not enough memory for this: {text} Use smaller sizes."
        case ValueError() | TypeError():
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        case RuntimeError() if "RESOURCE_EXHAUSTED" in text or "ExecutorError" in repr(error):
            return text.partition("\n")[0]
        case RuntimeError() if "Unable to initialize backend" in text:
            return _no_backend(" ".join(text.split()))
        case AssertionError() if not text and _raised_in(error, "xla_bridge.py"):
            return _no_backend("it has no such backend here")
        case RecursionError():
            return "a value is nested too deep to be read or written."
    kind = f"{type(error).__name__}: {shortened(text)}"
    if isinstance(error, Exception) and user_code.references:
        named = user_code.references[-1]
        check = "" if tokens[:1] == ["check"] else f"Use longlag check {named}. "
        return f"{kind}, with code of {named}. {check}LONGLAG_TRACEBACK=1 shows where."
    if isinstance(error, Exception) and (given := _settings_of_jax()):
        return f"{kind.rstrip('.')}. Unset {' and '.join(given)}; LONGLAG_TRACEBACK=1 shows where."
    # Any other exception is of a user's file, such as sys.exit in a model.
    return None if isinstance(error, Exception) else kind


def _is_absent(error: MissingArgumentError, tokens: Sequence[str]) -> bool:
    """Whether a required argument is absent; else an option lacks its value."""
    given = error.keyword is not None or (error.argument is not None and error.argument.tokens)
    return not given and tokens[0] in _LINES


def _takes_problem(tokens: Sequence[str]) -> bool:
    """Whether the word after the command should be a problem."""
    if len(tokens) < 2 or tokens[0] not in _LINES or tokens[1][:1] == "-":
        return False
    return any("PROBLEM" in each.names for each in app[tokens[0]].assemble_argument_collection())


def _no_backend(why: str) -> str:
    given = [name for name in _BACKEND if os.environ.get(name)]
    other = ", or use JAX_PLATFORMS=cpu" if set(given) <= {"JAX_PLATFORMS"} else ""
    return f"JAX does not start: {why}. Unset {' and '.join(given) or 'JAX_PLATFORMS'}{other}."


def _settings_of_jax() -> list[str]:
    """The variables that are set and may change how JAX and Equinox work, as debugging does."""
    every = (name for name in os.environ if name.startswith(("JAX_", "XLA_", "EQX_")))
    return sorted(name for name in every if os.environ[name] and "CACHE" not in name)


def _nearest_choice(message: str) -> str:
    """A message about a choice with the choice that is the same but for case, if there is one."""
    found = re.match(r'Invalid value "(.*?)" for .*?\. Choose from: (.*?)\.(?= Did|$)', message)
    choices = re.findall('"(.*?)"', found[2]) if found else []
    given = {"cuda": "gpu"}.get(found[1].partition(":")[0], found[1]) if found else ""
    same = [each for each in choices if normalized(each) == normalized(given)]
    return f'{found[0]} Did you mean "{same[0]}"?' if found and same else message


def _raised_in(error: BaseException, file: str) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and os.path.basename(frames[-1].filename) == file


def _in_flags(message: str, tokens: Sequence[str]) -> str:
    """A message with the Python arguments of its remedy as flags of the command."""
    place = re.search(r"\b[Uu]se (?!.*\b[Uu]se )", message)
    if not tokens or tokens[0] not in _LINES or place is None:
        return message
    from longlag.cli._remedies import as_flags

    return message[: place.end()] + as_flags(message[place.end() :], _options(tokens[0]))


def _options(command: str) -> set[str]:
    """The options of a command."""
    return {name for each in app[command].assemble_argument_collection() for name in each.names}


def _working_folder_exists() -> bool:
    """Whether the working folder still exists."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _unknown_option(error: UnknownOptionError, tokens: Sequence[str]) -> str:
    command = tokens[0] if tokens else ""
    name = (error.token.keyword or error.token.value).partition("=")[0]
    known = [option for argument in error.argument_collection for option in argument.names]
    owner = f"longlag {command}" if command in _LINES else "longlag"
    if name in known:  # after a lone --
        return f"{owner}: options stand before `--`, got {name} after it."
    if command == "check" and name == "--model":
        return f"{owner} has no option `--model`. A model stands right after it: {owner} MODEL."
    if command in ("audit", "check") and (call := _in_brackets(name, tokens)):
        return f"{owner} has no option `{name}`. A model has it in brackets: {call}."
    plain = normalized(name)
    known = [each for each in known if each[0] == "-" or normalized(each) == plain]  # FILE
    if "--framing" in known and (flags := shape(name, tokens)):
        return f"{owner} has no option `{name}`. {flags}"
    text = unknown_name(f"{owner} has no option", name, known)
    text, _, _ = text.partition(" Known: ")
    if command in KINDS and normalized(name) in ("figure", "plot", "chart", "figures"):
        use = "Use longlag report --figures FOLDER, which draws what is in the store."
        return f"{owner} has no option `{name}`. {use}"
    if "Did you mean" in text or "longlag calls it" in text or f"`{name}`: " in text:
        return text  # with what is meant, or with why there is none
    if command in _LINES and (hint := borrowed(name)):
        for other in ("train", "frame"):
            if hint.partition("`")[2].partition("`")[0] in _options(other):
                return f"{text} {hint} That is an option of longlag {other}."
    for other in ("frame", "profile", "frontier", "compare") if command in _LINES else ():
        if name in _options(other) - _options("train"):
            return f"{text} That is an option of longlag {other}."
    if any(map(user_code.is_reference, tokens)):
        return (
            f"{text} Options of your own code are set in its file, as in hard = MyProblem(knob=3)."
        )
    return f"{text} {owner} --help lists the options."


def _in_brackets(flag: str, tokens: Sequence[str]) -> str:
    """The model of a command line with a flag as its knob; empty if no model has that."""
    from longlag.models import MODELS

    given = flag.lstrip("-").replace("-", "_")
    knob = own_name(given, {knob.name for kind in MODELS.values() for knob in kind.knobs()})
    owners = [name for name, kind in MODELS.items() if knob in {k.name for k in kind.knobs()}]
    if not owners:
        return ""
    after = " ".join(tokens).partition(flag)[2].lstrip(" =").partition(" ")[0]
    value = after if after and after[0] != "-" else "…"
    return f"'{next((token for token in tokens if token in owners), owners[0])}({knob}={value})'"
