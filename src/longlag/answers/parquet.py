"""Tables as Parquet files, with pyarrow where it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from longlag import files
from longlag.version import longlag_version


def require() -> None:
    """Raise unless Parquet files can be written.

    Raises:
        ValueError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise ValueError(
            "Parquet is written by pyarrow, which is not installed. Use pip install "
            "'longlag[parquet]', or .csv."
        ) from None


def write(columns: Mapping[str, Sequence[Any]], path: files.Name) -> None:
    """Write columns to a file that says which longlag wrote it.

    Raises:
        ValueError: pyarrow is not installed.
    """
    require()
    import pyarrow
    import pyarrow.parquet

    with files.replacing(path) as beside:
        table = pyarrow.table(dict(columns), metadata={"longlag": longlag_version()})
        pyarrow.parquet.write_table(table, beside)
