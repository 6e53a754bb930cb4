import pytest

from longlag.adapters import tables


@pytest.fixture
def read(tmp_path):
    def of(text, columns=(), **how):
        path = tmp_path / "data.csv"
        path.write_text(text)
        return tables.read(path, columns, **how)

    return of
