"""What a function reads besides its arguments decides what it makes, so its name tells it."""

import functools
import importlib
import sys
import threading

import pytest

from longlag.adapters import user_code, values

TYPED = """
import functools
import equinox as eqx
import numpy as np
W = 2
SIZES = [1, 2]
TABLE = np.zeros(3)

class Maker:
    depth = 1
    def __init__(self):
        self.width = 2
    def __call__(self, sizes, seed):
        return W, self.width

def inner():
    return W

def outer(width):
    def make(sizes, seed):
        return width
    def widen(new):
        nonlocal width
        width = new
    make.widen = widen
    return make

def wrapped(function):
    @functools.wraps(function)
    def make(*given):
        return function(*given)
    return make

class Net:
    def __call__(self):
        return SIZES

class Parts:
    class Inner:
        width = 1
    number = np.int64(2)
    thing = Maker()
    def __call__(self):
        return W

plain = lambda sizes, seed: W
through = lambda sizes, seed: inner()
listed = lambda sizes, seed: [each + 1 for each in SIZES]
of_class = lambda sizes, seed: Net()
table = lambda sizes, seed: TABLE.sum()
parts = lambda sizes, seed: Parts()
class Mapped:
    __call__ = eqx.filter_vmap(lambda self: W)
class Kept:
    value = functools.cached_property(lambda self: W)
mapped = lambda sizes, seed: Mapped()
kept = lambda sizes, seed: Kept()
closed = outer(2)
decorated = wrapped(plain)
attribute = lambda sizes, seed: attribute.width
attribute.width = 2
thing = Maker()
part = functools.partial(plain, table=TABLE)
"""


@pytest.fixture
def typed():
    """Names that were typed in, as in a notebook."""
    names = {"__name__": "typed_in"}
    exec(compile(TYPED, "<stdin>", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("name", "change", "back"),
    [
        ("plain", "W = 64", "W = 2"),
        ("plain", "W = 2.0", "W = 2"),
        ("through", "W = 64", "W = 2"),
        ("through", "before, inner = inner, lambda: W", "inner = before"),
        ("listed", "SIZES.append(3)", "SIZES.pop()"),
        ("of_class", "SIZES[0] = 9", "SIZES[0] = 1"),
        ("table", "TABLE[0] = 1", "TABLE[0] = 0"),
        ("part", "TABLE[0] = 1", "TABLE[0] = 0"),
        ("parts", "Parts.Inner.width = 64", "Parts.Inner.width = 1"),
        ("parts", "Parts.number = np.int64(3)", "Parts.number = np.int64(2)"),
        ("parts", "Parts.thing.width = 3", "Parts.thing.width = 2"),
        ("parts", "W = 64", "W = 2"),
        ("mapped", "W = 64", "W = 2"),
        ("kept", "W = 64", "W = 2"),
        ("closed", "closed.widen(64)", "closed.widen(2)"),
        ("decorated", "W = 64", "W = 2"),
        ("attribute", "attribute.width = 64", "attribute.width = 2"),
        ("thing", "thing.width = 64", "thing.width = 2"),
        ("thing", "Maker.depth = 64", "Maker.depth = 1"),
        ("thing", "W = 64", "W = 2"),
    ],
)
def test_code_of_no_file_has_another_name_where_what_it_reads_was_changed(
    typed, name, change, back
):
    codes = [user_code.origin_of(typed[name]).code for _ in range(2)]
    for line in (change, back, "unused = W = W"):
        exec(line, typed)
        codes.append(user_code.origin_of(typed[name]).code)
    first, again, changed, *rest = codes
    assert again == first != changed
    assert rest == [first, first]


def test_a_problem_of_no_file_has_another_name_where_what_it_reads_was_changed(typed):
    kind = typed["Net"]
    first = user_code.origin_of_class(kind).code
    typed["SIZES"].append(3)
    changed = user_code.origin_of_class(kind).code
    typed["SIZES"].pop()
    assert first == user_code.origin_of_class(kind).code != changed


def test_what_cannot_be_compared_is_new_each_time(typed):
    typed["W"] = threading.Lock()
    with pytest.warns(UserWarning, match=r"cannot be compared .* Give it plain arguments: functo"):
        codes = {user_code.origin_of(typed["plain"]).code for _ in range(2)}
    assert len(codes) == 2


IN_PACKAGE = """
import importlib
import jax.numpy as jnp
import box.conf
import box.conf as conf

chain = lambda: box.conf.W
renamed = lambda: conf.W
def local():
    kept = box.conf
    return kept.W
def outer(conf, box):
    return lambda: conf.W, lambda: box.conf.W
closed, closed_chain = outer(conf, box)
typed = type(box)("typed")
typed.W = 2
of_typed = lambda: typed.W

def imports():
    import box.conf as other
    return other.W
def imports_one():
    from box.conf import W
    return W
got = lambda: getattr(box.conf, "W")
held = lambda: vars(box.conf)["W"]
also_held = lambda: box.conf.__dict__["W"]
by_globals = lambda: globals()["conf"].W
evaluated = lambda: eval("conf.W")
by_import = lambda: importlib.import_module("box.conf").W

class Net:
    def eval(self):
        return self
def of_libraries():
    import math, colorsys
    from jax import nn
    try:
        import not_there
    except ImportError:
        pass
    return getattr(nn, "relu"), getattr(jnp, "tanh"), Net().eval(), vars(Net())
"""


@pytest.fixture(params=["a package", "a folder of files"])
def in_package(request, tmp_path, monkeypatch):
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "conf.py").write_text("W = 2\n")
    if request.param == "a package":
        (tmp_path / "box" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    names = {"__name__": "typed_in"}
    exec(compile(IN_PACKAGE, "<stdin>", "exec"), names)
    yield names
    for name in ("box", "box.conf"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "name", ["chain", "renamed", "local", "closed", "closed_chain", "of_typed"]
)
def test_a_module_in_a_module_is_read(in_package, name):
    codes = [user_code.origin_of(in_package[name]).code for _ in range(2)]
    for value in (64, 2):
        in_package["conf"].W = in_package["typed"].W = value
        codes.append(user_code.origin_of(in_package[name]).code)
    assert codes[0] == codes[1] == codes[3] != codes[2]


@pytest.mark.parametrize(
    "name",
    "imports imports_one got held also_held by_globals evaluated by_import".split(),
)
def test_what_hides_what_it_reads_is_new_each_time(in_package, name):
    with pytest.warns(UserWarning, match="cannot be compared"):
        codes = {user_code.origin_of(in_package[name]).code for _ in range(2)}
    assert len(codes) == 2


def test_what_is_imported_and_looked_up_of_libraries_hides_nothing(in_package):
    first, again = (user_code.origin_of(in_package["of_libraries"]).code for _ in range(2))
    assert first == again


TAKEN = """
import functools, operator, types
import box.conf as conf

get = operator.attrgetter("W")
def default(sizes, seed, where=conf):
    return where.W
listed = [conf]
of_list = lambda: listed[0].W
space = types.SimpleNamespace(inner={"conf": conf})
of_space = lambda: space.inner["conf"].W
part = functools.partial(lambda conf: conf.W, conf)
class Maker:
    held = conf
    def __call__(self):
        return self.held.W
class Net:
    def __init__(self):
        self.held = conf
    def __call__(self):
        return self.held.W
thing = Net()
def of_class():
    return Maker()()
got = lambda: get(conf)
def matched():
    match conf:
        case object(W=width):
            return width
by_method = lambda: conf.__getattribute__("W")
def outer():
    inner = conf
    return lambda: inner.W, lambda: get(inner)
closed, closed_got = outer()
def kept():
    return (lambda: get(other)) if (other := conf) else None
"""


@pytest.fixture
def taken(tmp_path, monkeypatch):
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "conf.py").write_text(
        "import threading, sys\nW = 2\nLOCK = threading.Lock()\nITSELF = sys.modules[__name__]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    names = {"__name__": "typed_in"}
    exec(compile(TAKEN, "<stdin>", "exec"), names)
    yield names
    for name in ("box", "box.conf"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "name",
    "default of_list of_space part of_class thing got matched by_method closed closed_got "
    "kept".split(),
)
def test_a_module_that_is_a_value_counts_with_all_of_it(taken, name):
    codes = [user_code.origin_of(taken[name]).code for _ in range(2)]
    for value in (64, 2):
        taken["conf"].W = value
        codes.append(user_code.origin_of(taken[name]).code)
    assert codes[0] == codes[1] == codes[3] != codes[2]


def test_of_a_module_that_is_looked_into_only_that_counts(taken):
    exec("plain = lambda: conf.W", taken)
    first = user_code.origin_of(taken["plain"]).code
    taken["conf"].CALLS = 1
    assert user_code.origin_of(taken["plain"]).code == first


def test_an_implementation_for_a_type_is_read(typed):
    exec("make = functools.singledispatch(lambda sizes: 0)", typed)
    codes = []
    for line in ("", "", "make.register(int, lambda sizes: W)", "W = 64", "W = 2"):
        exec(line, typed)
        codes.append(user_code.origin_of(typed["make"]).code)
    assert codes[0] == codes[1] != codes[2] == codes[4] != codes[3]


@pytest.mark.parametrize(
    "body",
    [
        "sys.modules['box.conf'].W",
        "sys._getframe(1).f_locals",
        "found['box.conf'].W",
        "inspect.currentframe().f_back",
        "imported()",
    ],
)
def test_what_looks_into_frames_or_all_modules_is_new_each_time(taken, body):
    line = "def imported():\n    from sys import modules\n    return modules['box.conf']"
    exec(f"import sys, inspect\nfound = sys.modules\n{line}\nmake = lambda: {body}", taken)
    with pytest.warns(UserWarning, match="cannot be compared"):
        codes = {user_code.origin_of(taken["make"]).code for _ in range(2)}
    assert len(codes) == 2


FILE = """
import helper
W = 2
SIZES = {"width": 2}
COMPUTED = 2 * 8
CACHE = {}
CALLS = 0
for EACH in (1, 2):
    pass

def inner():
    return W

def plain(sizes, seed):
    global CALLS
    CALLS += 1
    CACHE[seed] = 1
    return W, COMPUTED, EACH

def through(sizes, seed):
    return inner(), SIZES

class Maker:
    def __init__(self, sizes, seed):
        self.width = W

def beside(sizes, seed):
    return helper.net()

def unconcerned(sizes, seed):
    W = 3
    return W

if __name__ == "__main__":
    W = 64
"""


@pytest.fixture
def imported(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "helper.py").write_text("V = (1, -2)\ndef net():\n    return V\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("mine")
    for name in ("mine", "helper"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "plain",
            "W = 64",
            r"^mine.py sets W = 2, which was changed to 64. .*partial\(plain, w=64",
        ),
        ("through", "W = None", "mine.py sets W = 2, which was changed to None"),
        ("through", "SIZES['width'] = 64", "sets SIZES = {'width': 2}, which was changed to {'wi"),
        ("Maker", "W = 64", r"functools.partial\(Maker, w=64\)"),
        ("beside", "helper.V = (1, 2)", r"helper.py sets V = \(1, -2\), which was changed to"),
    ],
)
def test_a_file_does_not_have_what_was_changed_since(imported, name, change, message):
    make = getattr(imported, name)
    assert user_code.origin_of(make).code == user_code.code_of(user_code.Path(imported.__file__))
    exec(change, vars(imported))
    with pytest.raises(ValueError, match=message):
        user_code.origin_of(make)


def test_what_a_file_computes_or_fills_may_change(imported):
    for name in ("plain", "unconcerned"):
        make = getattr(imported, name)
        first = user_code.origin_of(make)
        make(None, 0)
        exec("COMPUTED = 5; EACH = 9", vars(imported))
        assert user_code.origin_of(make) == first
    imported.W = 64
    assert user_code.origin_of(imported.unconcerned).code == first.code


def test_code_of_a_library_counts_as_it_is():
    assert values.digest(functools.partial(print, 1)) == values.digest(functools.partial(print, 1))
    assert values.digest(functools.partial(print, 1)) != values.digest(functools.partial(repr, 1))
