"""How types are checked at run time under the test run."""

import builtins
import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

checked = beartype(
    conf=BeartypeConf(
        is_pep484_tower=True,  # a whole number may be a float
        violation_type=jaxtyping.TypeCheckError,  # as where shapes are checked
    )
)
_jaxtyped = jaxtyping.jaxtyped


def install() -> None:
    """Check whatever of the library is imported from now on.

    What jaxtyping puts around a function, so that its shapes agree with each other, takes ten
    times as long as checking its types, and much of a test run. Where nothing has a shape the
    types alone are checked.
    """
    jaxtyping.jaxtyped = _typed
    jaxtyping.install_import_hook("longlag", "typechecking.checked")


def _typed(fn: Any = None, **how: Any) -> Any:
    """Stands for `jaxtyping.jaxtyped`."""
    if fn is None:
        return lambda fn: _typed(fn, **how)
    if not inspect.isfunction(fn):
        return _jaxtyped(fn, **how)
    made: Callable[..., Any] | None = None

    @functools.wraps(fn)
    def first_made(*args: Any, **kwargs: Any) -> Any:
        nonlocal made
        if made is None:  # not before, since names may be defined further down
            made = checked(fn) if _plain(fn) else _jaxtyped(fn, **how)
        return made(*args, **kwargs)

    return first_made


def _plain(fn: Any) -> bool:
    """Whether every name in the annotations is known, and none of them has a shape."""
    for annotation in fn.__annotations__.values():
        if not isinstance(annotation, str):
            return False
        unquoted = re.sub(r"""(["']).*?\1""", "", annotation)
        for name in re.findall(r"[^\W\d]\w*(?:\.\w+)*", unquoted):
            first, *rest = name.split(".")
            found = fn.__globals__.get(first, getattr(builtins, first, None))
            for each in rest:
                found = getattr(found, each, None)
            if (found is None and name != "None") or "jaxtyping" in repr(found):
                return False
    return True
