"""The version of longlag that is installed."""

from __future__ import annotations


def longlag_version() -> str:
    """The version of longlag, of its installed distribution."""
    from importlib import metadata  # a tenth of the time of `longlag --help`

    return metadata.version("longlag")
