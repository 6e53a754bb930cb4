"""What can a sequence model remember, and why does it fail when it does?

A problem draws episodes, a framing lays them out as samples, a model is fitted to the
samples, a map shows which inputs can reach which outputs, and trials check the statements of
tutorials.

>>> import longlag as ll
>>> ll.audit(ll.EchoLag(lag=1), ll.Window(timesteps=5)).verdict
'learnable'
"""

import lazy_loader

# The names of __init__.pyi, each imported on first use: reading a problem never waits for jax.
_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


_interrupted: list[str] = []  # the names whose first import Ctrl-C has ended


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(_unknown(name))
    try:
        return _attribute(name)
    except Exception as error:
        if _interrupted:
            raise ImportError(
                f"longlag cannot load `{name}`: its first import was interrupted, and Python keeps "
                "libraries that were loaded in part. Start Python again."
            ) from error
        raise
    except BaseException:
        _interrupted.append(name)
        raise


def _unknown(name: str) -> str:
    from longlag.other_names import (
        borrowed,
        joined,
        nearest,
    )  # imports nothing: a submodule comes here first

    names = {each.lower(): each for each in __all__}
    near = nearest(name.lower(), names)
    hint = f"Did you mean `{names[near]}`?" if near else ""
    if name.lower() not in names:
        hint = borrowed(name, __all__) or hint
    return joined(f"longlag has no `{name}`.", hint)
