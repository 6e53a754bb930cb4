"""The compilation cache: compiled programs stay on disk for the next command."""

from __future__ import annotations

import os
from pathlib import Path

import jax

from longlag.training.kept import replace_unreadable


def keep_compiled_programs() -> None:
    """Store compiled programs in the user's cache folder, or in the folder LONGLAG_CACHE.

    None are stored if LONGLAG_CACHE is empty, or if the folder cannot be written.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.environ.get("LONGLAG_CACHE", os.path.join(home, "longlag"))
    try:
        if not folder or folder.startswith("~"):  # the user has no home
            return
        folder.encode()  # JAX takes no other name
        Path(folder).mkdir(parents=True, exist_ok=True)
    except (OSError, UnicodeEncodeError):
        return
    if os.access(folder, os.W_OK):
        replace_unreadable()
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
