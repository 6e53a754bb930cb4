"""The library that draws the figures of a page, as one script."""

from __future__ import annotations

import functools
import subprocess
import sys

_SCRIPT = "window.vegaEmbed = vegaEmbed;"
_CALL = f"vl_convert.javascript_bundle({_SCRIPT!r})"
_CODE = f"import sys, vl_convert; sys.stdout.buffer.write({_CALL}.encode())"

_running: list[subprocess.Popen[bytes]] = []


@functools.cache
def charts_library() -> str:
    """The script. It takes seconds in which no other thread runs, so another process makes it.

    Ctrl-C, which a thread handles, would have to wait.
    """
    if sys.executable:
        command = [sys.executable, "-P", "-c", _CODE]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the command, which ends it
        ) as process:
            _running.append(process)
            script, _ = process.communicate()
            _running.remove(process)
        if process.returncode == 0:
            return script.decode()
    import vl_convert

    return vl_convert.javascript_bundle(_SCRIPT)


def kill_all() -> None:
    """End the process, where the command is ended."""
    for process in [*_running]:
        process.kill()
