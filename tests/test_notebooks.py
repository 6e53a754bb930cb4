"""The notebooks of the documentation run, and what they show is what they give."""

import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "howto").glob("*.ipynb"))
FIGURE = r"-?\d[\d.,]*"  # of training, which other machines round in another way


def shown(notebook):
    """The outputs of each code cell: their kinds, and their words without figures."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            kinds = [sorted(each.get("data", {each.output_type: 0})) for each in cell.outputs]
            text = " ".join(each.get("text", "") for each in cell.outputs)
            yield kinds, re.sub(FIGURE, "#", text).split()[:12]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_stored(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    pytest.importorskip("torch", reason="PyTorch is not installed: the layer is made of it")
    pytest.importorskip("tensorboardX", reason="tensorboardX is an extra that is not installed")
    import nbformat

    for name in ("JAX_DISABLE_MOST_OPTIMIZATIONS", "XLA_FLAGS"):  # of these tests
        monkeypatch.delenv(name, raising=False)
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    ran = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(ran, timeout=300, kernel_name="python3", resources=place).execute()
    expected = list(shown(stored))
    assert len(expected) == 10
    assert all(kinds for kinds, _ in expected[1:])
    assert list(shown(ran)) == expected
    assert {each.name for each in tmp_path.iterdir()} >= {"figure.svg", "runs", "layer.py"}
