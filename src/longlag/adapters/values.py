"""The values that a user's function reads besides its arguments: globals, closures, attributes."""

from __future__ import annotations

import ast
import contextlib
import dis
import functools
import importlib.util
import inspect
import os
import pickle
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import (
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

from longlag.adapters import neighbours

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_READS = "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"
_LOADS = *_READS, "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"  # of closures too
_ATTRIBUTES = "LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"

_IMPORTS = ("IMPORT_NAME",)

_HIDE = {"globals", "eval", "exec", "__import__"}  # any name may be read by these of Python
_HIDE_ANYHOW = {"import_module", "__globals__"}
_HIDE_IN_LIBRARIES = {  # other code's modules, frames and objects
    "sys": {"modules", "_getframe", "_current_frames"},
    "inspect": {"currentframe", "stack", "trace", "getmodule"},
    "gc": {"get_objects", "get_referrers"},
}
_HIDE_IN_MODULES = {"getattr", "vars", "__dict__"}  # and by these in a module

_OF_IMPORTS = "__builtins__", "__loader__", "__spec__", "__warningregistry__"  # in a module
_INNER = "_abc_impl", "_is_protocol"  # which Python keeps on a class

_compared: dict[int, Any] = {}
"""Code that a hash has by its identity, which nothing else may take."""


def digest(thing: Any) -> str | None:
    """A hash of what a function or an object reads, and of what its own functions read in turn.

    In this process it is the same as long as the values are. Functions, classes and modules of
    libraries count by identity; of a module of the user that is more than looked into, all counts.
    None where a value cannot be compared, or code hides what it reads.
    """
    import hashlib  # which --help does without

    found = hashlib.sha256()
    writer = _Writer(SimpleNamespace(write=found.update), protocol=pickle.HIGHEST_PROTOCOL)
    waiting, seen = [thing], set[int]()
    try:
        while waiting:
            each = waiting.pop()
            if id(each) not in seen:
                seen.add(id(each))
                _compared[id(each)] = each
                writer.dump(_read_by(each))
                waiting += filter(_is_own, writer.taken())
    except Exception:  # whatever an object of the user raises when it is written
        return None
    return found.hexdigest()


class _Writer(pickle.Pickler):
    """Writes data whole, and code by its identity."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._code: list[Any] = []

    def persistent_id(self, value: Any) -> int | None:
        function = hasattr(value, "__qualname__") and not isinstance(value, MethodType)
        if not function and not isinstance(value, ModuleType):
            return None
        self._code.append(value)
        return _identity(value)

    def taken(self) -> list[Any]:
        """The code that was written since the last call."""
        code, self._code = self._code, []
        return code


def _is_own(code: Any) -> bool:
    """Whether code is the user's, and no library's."""
    if isinstance(code, type):
        return not _is_of_library(sys.modules.get(code.__module__))
    if isinstance(code, ModuleType):
        return not _is_of_library(code)
    return _is_own_function(_function(code))


def _is_own_function(code: Any) -> bool:
    is_function = isinstance(code, FunctionType)
    return is_function and not neighbours.is_library(code.__code__.co_filename)


def _function(code: Any) -> Any:
    """The user's function that code of a library wraps, as `jax.jit` does; else the code."""
    with contextlib.suppress(ValueError):  # a circle
        return inspect.unwrap(code, stop=_is_own_function)
    return code


def _is_of_library(module: ModuleType | None) -> bool:
    if module is None:
        return False
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if file is None:  # built in, or typed in
        return module.__name__ != "__main__" and module.__spec__ is not None
    return neighbours.is_library(file)


def _read_by(thing: Any) -> Any:
    """What a function, a class, a module or an object reads.

    Raises:
        LookupError: It hides what it reads.
    """
    if isinstance(thing, functools.partial):
        return thing.func, thing.args, thing.keywords
    if isinstance(thing, type):
        return [thing.__bases__, *_parts(thing)]
    if isinstance(thing, ModuleType):
        return [*_contents(thing)]
    function = _function(thing)
    if not isinstance(function, FunctionType):
        return type(thing), thing
    cells = dict[str, Any]()
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # nothing in it yet
            cells[name] = cell.cell_contents
    cells |= _in_modules(cells, _names(function.__code__)[_ATTRIBUTES])
    reads = _globals(function)
    _refuse_hidden(function, [*cells.values(), *reads.values()])
    own = vars(function), function.__defaults__, function.__kwdefaults__, _registered(thing)
    taken = _taken_modules(function.__code__, {**reads, **cells})
    return own, *(
        {name: _looked_into(value, taken) for name, value in each.items()}
        for each in (cells, reads)
    )


def _contents(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """All that a module holds; what cannot be written counts by its identity."""
    for name, value in sorted(vars(module).items()):
        if name not in _OF_IMPORTS:
            try:
                _Writer(SimpleNamespace(write=len), protocol=pickle.HIGHEST_PROTOCOL).dump(value)
                yield name, value
            except Exception:  # whatever an object of the user raises when it is written
                yield name, _identity(value)


def _identity(value: Any) -> int:
    """A number of this object, which nothing else may take."""
    _compared[id(value)] = value
    return id(value)


def _registered(thing: Any) -> dict[Any, Any]:
    """The implementations of a function of `functools.singledispatch`, by their types."""
    seen = list[int]()
    while thing is not None and id(thing) not in seen:
        registry = getattr(thing, "registry", None)
        if isinstance(registry, MappingProxyType):
            return dict(registry)
        seen.append(id(thing))
        thing = getattr(thing, "__wrapped__", None)
    return {}


def _taken_modules(code: CodeType, found: Mapping[str, Any]) -> set[int]:
    """The user's modules of which a code does more than read attributes, by identity.

    It may hand them on: `getter(conf)`, `match conf`, `other = conf`.
    """
    taken = set[int]()
    steps = [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]
    for at, step in enumerate(steps):
        value = found.get(step.argval) if step.opname in _LOADS else None
        for after in steps[at + 1 :]:
            if not isinstance(value, ModuleType) or _is_of_library(value):
                break
            if after.opname not in _ATTRIBUTES or after.argval not in vars(value):
                taken.add(id(value))
                break
            value = vars(value)[after.argval]
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return taken.union(*(_taken_modules(each, found) for each in inner))


def _looked_into(value: Any, taken: set[int]) -> Any:
    """A value; of a module whose attributes alone are read, which stand beside it, its identity."""
    apart = isinstance(value, ModuleType) and id(value) not in taken
    return _identity(value) if apart else value


def _refuse_hidden(function: FunctionType, reads: Iterable[Any]) -> None:
    """Raise a `LookupError` where the code of a function does not tell all that it reads."""
    names = _names(function.__code__)
    both = names[_READS] | names[_ATTRIBUTES]
    hidden = (names[_READS] & _HIDE - function.__globals__.keys()) | (both & _HIDE_ANYHOW)
    if any(isinstance(each, ModuleType) and not _is_of_library(each) for each in reads):
        hidden |= both & _HIDE_IN_MODULES
    for name, hiding in _HIDE_IN_LIBRARIES.items():
        library = sys.modules.get(name)
        if name in names[_IMPORTS] or any(each is library for each in reads):
            hidden |= both & hiding
        of_it = [vars(library)[each] for each in hiding & vars(library).keys()] if library else []
        hidden |= {name} if any(each is one for each in reads for one in of_it) else set()
    hidden |= {name for name in names[_IMPORTS] if not _is_import_of_library(name)}
    if hidden:
        raise LookupError(f"{function.__qualname__} hides what it reads: {sorted(hidden)}")


def _is_import_of_library(name: str) -> bool:
    """Whether an import is of a library, or of what is not there."""
    top = name.partition(".")[0]
    if not top:  # from the package around it
        return False
    if top in sys.modules:
        return _is_of_library(sys.modules[top])
    spec = importlib.util.find_spec(top)
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    return all(map(neighbours.is_library, (each for each in places if each and os.sep in each)))


def _parts(kind: type) -> Iterator[Any]:
    """The functions of a class, and its values."""
    for name, value in vars(kind).items():
        if isinstance(value, property):
            yield name, value.fget
        elif isinstance(value, functools.cached_property):
            yield name, value.func
        elif isinstance(value, classmethod | staticmethod):
            yield name, value.__func__
        elif callable(value) or not (name.startswith("__") or name in _INNER):
            yield name, value


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(each) for pair in value.items() for each in pair)
    several = isinstance(value, list | tuple | set | frozenset)
    return all(map(_is_plain, value)) if several else isinstance(value, _PLAIN)


def _globals(function: FunctionType) -> dict[str, Any]:
    """The globals that a function reads, and the attributes of the user's modules among them."""
    names = _names(function.__code__)
    found = {
        name: function.__globals__[name] for name in names[_READS] & function.__globals__.keys()
    }
    return dict(sorted((found | _in_modules(found, names[_ATTRIBUTES])).items()))


def _in_modules(found: Mapping[str, Any], attributes: set[str]) -> dict[str, Any]:
    """The attributes in the user's modules, and in those that they have in turn: `a.b.W`."""
    inner, waiting, seen = dict[str, Any](), sorted(found.items(), key=lambda each: each[0]), set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, ModuleType) and id(value) not in seen and not _is_of_library(value):
            seen.add(id(value))
            of = {f"{name}.{each}": vars(value)[each] for each in attributes & vars(value).keys()}
            inner |= of
            waiting += sorted(of.items(), key=lambda each: each[0])
    return dict(sorted(inner.items()))


def _names(code: CodeType) -> dict[tuple[str, ...], set[str]]:
    """The names that a code, and the functions in it, read as globals and attributes or import."""
    names: dict[tuple[str, ...], set[str]] = {_READS: set(), _ATTRIBUTES: set(), _IMPORTS: set()}
    for each in dis.get_instructions(code):
        for kinds, found in names.items():
            if each.opname in kinds:
                found.add(each.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names = {kinds: found | _names(constant)[kinds] for kinds, found in names.items()}
    return names


def refuse_changed(thing: Any) -> None:
    """Refuse a function of a file that reads a global which is no longer as the file has it.

    Only globals that the file sets once, to a plain value, can be told so.

    Raises:
        ValueError: Such a global was changed.
    """
    waiting, seen = [thing], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, ModuleType) or not _is_own(each):
            continue
        seen.add(id(each))
        if isinstance(each, type):
            waiting += [part for _, part in _parts(each)]
            continue
        function = _function(each)
        reads = _globals(function)
        waiting += [*reads.values(), *vars(function).values()]
        _refuse_other_values(function, reads, getattr(thing, "__name__", "make"))


def _refuse_other_values(function: FunctionType, reads: Mapping[str, Any], name: str) -> None:
    file = function.__code__.co_filename
    if not os.path.isfile(file):
        return
    with open(file, "rb") as stream:
        written = _literals(stream.read())
    for each in written.keys() & reads.keys():
        now, then = reads[each], written[each]
        if _is_plain(now) and repr(now) != repr(then):
            raise ValueError(
                f"{os.path.basename(file)} sets {each} = {then!r:.40}, which was changed to "
                f"{now!r:.40}. Workers that import the file do not see that, nor does the name of "
                f"a trial: give it as an argument, functools.partial({name}, "
                f"{each.lower()}={now!r:.40})."
            )


@functools.lru_cache(64)
def _literals(content: bytes) -> dict[str, Any]:
    """The globals that a file sets in one place, to a plain value, when it is imported.

    >>> _literals(b"W = 2\\nV = [W]\\nX = 1\\nif W:\\n    X = 2")
    {'W': 2}
    """
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    often, literals = Counter[str](), dict[str, Any]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            often.update(dict.fromkeys(node.names, 2))
    for statement in tree.body:
        if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
            continue  # which no import runs
        often.update(_bound(statement))
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                with contextlib.suppress(ValueError, TypeError, RecursionError, MemoryError):
                    literals[name] = ast.literal_eval(value)
    empty = [], {}  # to be filled
    return {name: each for name, each in literals.items() if often[name] == 1 and each not in empty}


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a file may set."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
