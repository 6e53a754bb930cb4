"""`longlag play`: a live page about problems, framings and models."""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from longlag import files
from longlag.adapters import user_code
from longlag.cli._flags import Count, Several, code_files, problem_from_name
from longlag.cli._interrupt import INTERRUPTED
from longlag.cli._output import Force, stdout_to_stderr
from longlag.cli._terminal import warn, write
from longlag.stop import StopToken, ctrl_c_stops
from longlag.version import longlag_version

if TYPE_CHECKING:
    from longlag.live.session import Session

PORT = 8577
_GRACE = 4.0  # seconds for the end: the server has a net of its own before


def play(
    *,
    lesson: str | None = None,
    port: Count = PORT,
    no_browser: Annotated[bool, Parameter(negative="")] = False,
    model: Several = (),
    problem: Several = (),
    record: Path | None = None,
    force: Force = False,
) -> int:
    """Open a page to try problems, framings and models, and to watch them being trained.

    Args:
        lesson: The lesson to begin with.
        port: Port of the page, for this machine alone; 0 takes a free one. From another machine:
            `ssh -L 8577:127.0.0.1:8577 HOST`, with this port twice.
        no_browser: Print the address, and open no browser.
        model: Your own models for the page: path/to/file.py:NAME, each.
        problem: Your own problems, likewise.
        record: Open no page: train the lesson and write what it shows to this file, .json, for a
            page without a server.
    """
    files.check_outputs({"--record": (record, "JSON")}, code_files(*model, *problem), force=force)
    if not 0 <= port <= 65535:
        raise ValueError(f"`--port` must be from 0 to 65535, got {port}. Leave it out for {PORT}.")
    _refuse_names("--model", model)
    _refuse_names("--problem", problem)
    # What brings JAX and the web server: `longlag play --help` does not wait for it.
    from longlag.cli._setting import keep_compiled_programs, model_from_name
    from longlag.live.app import Server, listen
    from longlag.live.session import Session

    keep_compiled_programs()

    def session() -> Session:
        with stdout_to_stderr():
            return Session(
                lesson,
                problems={name: problem_from_name(name, {}) for name in problem},
                models={name: model_from_name(name, {}) for name in model},
            )

    if record is not None:
        return _record(session(), record)
    with listen(port) as listening:
        shown = session()
        port, token = listening.getsockname()[1], secrets.token_urlsafe(16)
        address = f"http://127.0.0.1:{port}/?token={token}"
        with ctrl_c_stops(StopToken(_GRACE, usual=True)) as stop:
            server = Server(shown, port=port, token=token, stop=stop)
            write(f"Open {address}  (Ctrl-C ends)\n", None)
            if not no_browser and _has_browser():
                # Some wait for their browser to end.
                threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
            with stdout_to_stderr():
                server.serve_on(listening)
    return 0


def _record(session: Session, path: Path) -> int:
    """Write a recording; after Ctrl-C nothing."""
    from longlag.live.recording import record

    with ctrl_c_stops() as stop, stdout_to_stderr():
        recording = record(session, stop)
        session.close()
        if stop.stopped:
            return INTERRUPTED
    body = json.dumps(recording, allow_nan=False, separators=(",", ":"))
    head = json.dumps({"longlag": longlag_version()}, indent=2)  # as every JSON of longlag begins
    text = f"{head[:-2]},\n{body[1:]}\n"
    files.write(path, text)
    warn(f"{path}: {len(text) / 1000:.0f} kB.")
    return 0


def _refuse_names(flag: str, names: Iterable[str]) -> None:
    """Refuse the name of one of longlag's own, which the page has anyway."""
    for name in names:
        if not user_code.is_reference(name):
            raise ValueError(
                f"`{flag}` is for your own code, got {name}. Use path/to/file.py:NAME, or leave "
                f"it out and choose {name} in the page."
            )


def _has_browser() -> bool:
    """Whether a browser that opens is in front of the user, and no text in this terminal."""
    if os.environ.get("BROWSER"):
        return True
    here = "SSH_CONNECTION" not in os.environ
    drawn = sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return here and drawn
