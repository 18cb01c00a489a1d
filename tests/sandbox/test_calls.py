"""What crosses the wall in a call, and what a check gets when nothing sensible comes back."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from boxed import NUMPY, TIGHT, notebook

from grader.config import MEBIBYTE, Limits
from grader.errors import LimitHit, NotWritten, StudentRaised, UnreadableReply
from grader.sandbox import Handle, Rng, Tensor

ECHO = "import numpy as np\ndef echo(*args, **kwargs):\n    return (args, kwargs)\n"
ONE = "def echo(x):\n    return x\n"


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -1, 2**63 - 1, 2**64 - 1, -(2**63), 2**200, -(2**100)),
        *(0.5, math.inf, 1 + 2j, "", "héllo ∂L/∂W", [], (), {}, [1, [2.0, (None, "x")]]),
        {"dW1": [1, 2], 3: {"b": (1,)}},
    ],
    ids=repr,
)
def test_plain_values_come_back_equal_and_of_the_same_type(start, value):
    result = start(ONE).call("echo", value)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint64", "float16", "float32", "float64", "longdouble", "complex64"]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3), (2, 3, 4)])
def test_arrays_keep_dtype_shape_and_values(start_once, dtype, shape):
    array = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    result = start_once.call("echo", array)
    assert result.dtype == array.dtype
    assert result.shape == shape
    assert np.array_equal(result, array)


@pytest.fixture(scope="module")
def start_once(box):
    with box.start(notebook(ONE), NUMPY) as student:
        yield student


def test_transposed_strided_and_big_endian_arrays_keep_their_values(start_once):
    array = np.arange(24.0).reshape(4, 6)
    for view in (array.T, array[::2, ::-3], array.astype(">f8")):
        assert np.array_equal(start_once.call("echo", view), view)


def test_subclasses_of_arrays_and_containers_come_back_plain(start):
    student = start(
        "import numpy as np, collections\n"
        "class Mine(np.ndarray):\n    def __eq__(self, other): return True\n"
        "def make():\n    return [np.matrix('1 2; 3 4'), np.zeros(2).view(Mine), np.float64(1.5),\n"
        "            np.float32(1.5), np.int64(3), np.bool_(True), collections.OrderedDict(a=1),\n"
        "            collections.namedtuple('P', 'x')(1), collections.defaultdict(list, b=[2])]"
    )
    value = student.call("make")
    kinds = [type(each) for each in value]
    assert kinds == [np.ndarray, np.ndarray, float, np.ndarray, int, bool, dict, tuple, dict]
    assert value[3].dtype == np.float32
    assert value[3].shape == ()


def test_a_name_that_numpy_chose_comes_back_as_text(start):
    student = start("import numpy as np\ndef choose(rng):\n    return {'way': rng.choice(['log', 'linear'])}")
    chosen = student.call("choose", Rng(1))["way"]
    assert type(chosen) is str
    assert chosen in {"log", "linear"}


def test_arguments_are_fresh_and_writable_copies(start):
    student = start("def change(X, params):\n    X += 1\n    params['W'][0] = 9\n    return X.flags.owndata")
    X, params = np.zeros(3), {"W": np.zeros(2)}
    for _ in range(2):
        assert student.call("change", X, params) is True
        assert not X.any()
        assert not params["W"].any()


def test_a_seed_arrives_as_a_fresh_generator_at_each_call(start):
    student = start("def draw(rng):\n    return rng.standard_normal(3)")
    expected = np.random.default_rng(7).standard_normal(3)
    assert np.array_equal(student.call("draw", Rng(7)), expected)
    assert np.array_equal(student.call("draw", Rng(7)), expected)


def test_calls_can_share_one_generator_on_the_students_side(start):
    student = start("def draw(rng):\n    return rng.standard_normal(2)")
    rng, here = student.rng(3), np.random.default_rng(3)
    for _ in range(3):
        assert np.array_equal(student.call("draw", rng), here.standard_normal(2))


def test_an_opaque_cache_stays_there_and_can_be_given_back(start):
    student = start(
        "def forward(X):\n    cache = lambda: X\n    return X * 2, cache\n"
        "def backward(p, cache):\n    return cache() + p\n"
    )
    value, cache = student.call("forward", np.ones(3), opaque=(1,))
    assert isinstance(cache, Handle)
    assert cache.callable
    assert np.array_equal(student.call("backward", value, cache), 3 * np.ones(3))
    assert np.array_equal(student.call(cache), np.ones(3))
    whole = student.call("forward", 1.0, opaque="all")
    assert isinstance(whole, Handle)
    assert whole.type_name == "tuple"


def test_what_is_no_data_comes_back_as_a_handle(start):
    student = start(
        "class Model: pass\n"
        "def make(kind):\n"
        "    return dict(model=Model(), function=len, set={1}, generator=iter([1]), bytes=b'x')[kind]"
    )
    for kind, name in [
        ("model", "Model"),
        ("set", "set"),
        ("generator", "list_iterator"),
        ("bytes", "bytes"),
    ]:
        assert student.call("make", kind).type_name == name
    assert student.call("make", "function").callable


def test_forgotten_handles_are_released_on_the_other_side(start):
    student = start(
        "import gc\nclass Cache: pass\ndef forward():\n    return Cache()\n"
        "def alive():\n    gc.collect()\n    return sum(type(o) is Cache for o in gc.get_objects())\n"
    )
    for _ in range(5):
        student.call("forward", opaque="all")
        student.log.clear()  # the log holds values too
    assert student.call("alive") <= 1


def test_an_observed_call_looks_into_nothing_that_came_by_a_handle(start):
    student = start(
        """
        def forward(x):
            return x, {(0, 1): {x}}

        def backward(d, cache):
            return d + len(cache)
        """
    )
    _, cache = student.call("forward", 1, opaque=(1,))
    seen = student.observe("backward", 1, cache)
    assert seen.value == 2
    assert seen.args_after == (1, cache)


def test_an_observed_call_tells_the_arguments_afterwards_and_counts_calls(start):
    student = start(
        "def forward(x):\n    return x\n"
        "def backward(X, cache, rng, *, params):\n"
        "    X[0] = 5\n    params['new'] = 1\n    return [forward(1) for _ in range(3)]\n"
        "def forward_cache():\n    return object()"
    )
    cache, rng = student.call("forward_cache"), Rng(1)
    seen = student.observe("backward", np.zeros(2), cache, rng, params={}, count=("forward", "absent"))
    assert seen.value == [1, 1, 1]
    assert seen.args_after[0][0] == 5
    assert seen.args_after[1:] == (cache, rng)
    assert seen.kwargs_after == {"params": {"new": 1}}
    assert seen.calls == {"forward": 3, "absent": 0}
    assert 0 < seen.seconds < 5
    assert student.call("backward", np.zeros(2), cache, rng, params={}) == [1, 1, 1]


def test_many_calls_go_in_one_message(start):
    student = start("def square(x):\n    if x == 500: raise ValueError('no')\n    return x * x")
    assert student.call_many("square", [(n,) for n in range(300)]) == [n * n for n in range(300)]
    assert len(student.log) == 300
    with pytest.raises(StudentRaised, match="square raised ValueError: no"):
        student.call_many("square", [(n,) for n in range(400, 600)])
    assert student.call("square", 3) == 9


def test_many_large_values_need_not_fit_one_frame(start):
    student = start("import numpy as np\ndef big(x):\n    return np.full(200_000, x)")
    values = student.call_many("big", [(float(n),) for n in range(12)])  # 1.6 MB each; a frame holds 4 MiB
    assert [value[0] for value in values] == list(range(12))


def test_the_log_keeps_values_and_failures(start):
    student = start("def f(x):\n    return 1 / x")
    student.call("f", 2)
    with pytest.raises(StudentRaised):
        student.call("f", 0)
    assert student.log[0] == ("f", 0.5)
    assert isinstance(student.log[1].outcome, StudentRaised)


def test_has_tells_functions_from_other_names(start):
    student = start("def f(): pass\nx = 1")
    assert [student.has(name) for name in ("f", "x", "y", "get_ipython")] == [True, False, False, True]


# --- nothing sensible comes back ------------------------------------------------------------------------


def test_an_empty_blank_is_not_written_and_says_so(start):
    student = start(
        "def forward(X):\n    raise NotImplementedError('<- write your solution here')\n"
        "def backward(X):\n    return forward(X)"
    )
    with pytest.raises(NotWritten, match=r"^forward is not written yet\.$"):
        student.call("forward", 1)
    with pytest.raises(NotWritten, match=r"^backward stops in forward, which is not written yet\.$"):
        student.call("backward", 1)


def test_a_missing_name_is_explained_by_its_own_cell(start):
    student = start(
        "x = 1", "forward = undefined", "def loss(:", "y = 2", names=("given", "forward", "loss", "backward")
    )
    for name, reason in [
        ("forward", "its cell raised NameError: name 'undefined' is not defined"),
        ("loss", "its cell raised SyntaxError: "),
        ("backward", r"backward is not defined\."),
        ("y", "y is not a function"),
    ]:
        with pytest.raises(NotWritten, match=reason):
            student.call(name)


def test_an_exception_tells_kind_text_and_the_students_own_frames(start):
    student = start(
        "import numpy as np",
        "def inner(x):\n    return np.zeros(2) @ np.zeros(x)\ndef outer(x):\n    return inner(x)",
    )
    with pytest.raises(StudentRaised, match="outer raised ValueError: matmul") as caught:
        student.call("outer", 3)
    assert caught.value.kind == "ValueError"
    assert "cell 2, line 4, in outer\n    return inner(x)" in caught.value.traceback
    assert "packages" not in caught.value.traceback
    assert "wall" not in caught.value.traceback


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("a = []; a.append(a); return a", "forward returned a list that contains itself"),
        ("a = {}; a['self'] = (a,); return a", "forward returned a dict that contains itself"),
        ("import numpy as np; return np.array([{}, None])", "forward returned an array of dtype object"),
        ("import numpy as np; return np.array(['x'])", "forward returned an array of dtype <U1"),
        ("return {(1, 2): 3}", "forward returned a dict with a key of type tuple"),
        (
            "a = []\n    for _ in range(100): a = [a]\n    return a",
            "forward returned a list nested more than 64",
        ),
        ("return 1 << 10_000", "forward returned an integer of 10,001 bits"),
    ],
)
def test_unreadable_values_are_named(start, body, text):
    with pytest.raises(UnreadableReply, match=text):
        start(f"def forward():\n    {body}\n").call("forward")


@pytest.mark.parametrize(
    "body",
    [
        "import numpy as np; return np.zeros(10_000_000, 'int8')",
        "import numpy as np; z = np.zeros(400_000); return [z, z]",
        "return [0] * 2_000_000",
        "return 'x' * 9_000_000",
    ],
)
def test_a_huge_return_is_a_limit_and_the_process_lives_on(start, body):
    student = start(f"def forward():\n    {body}\ndef small():\n    return 1")
    with pytest.raises(LimitHit) as caught:
        student.call("forward")
    assert caught.value.limit == "output"
    assert student.call("small") == 1
    assert student.restarts == 0


def test_an_argument_that_the_wall_does_not_take_is_the_authors_error(start):
    with pytest.raises(TypeError, match="A set can't be given"):
        start(ONE).call("echo", {1})


# --- stand-ins ------------------------------------------------------------------------------------------

CALLER = (
    "import numpy as np\n"
    "def forward(X, params): return 'own'\n"
    "def predict(X, params): return forward(X, params)\n"
    "def with_rng(rng): return mask(rng), rng.random()\n"
    "def mask(rng): return None\n"
)


def test_a_trusted_function_stands_in_for_the_students_own(start):
    student = start(CALLER)
    with student.standing_in({"forward": lambda X, params: X @ params["W"]}):
        assert np.array_equal(student.call("predict", np.eye(2), {"W": np.ones((2, 1))}), np.ones((2, 1)))
    assert student.call("predict", 1, {}) == "own"


def test_stand_ins_nest_and_survive_a_restart(start):
    student = start(CALLER + "import os\ndef die(): os._exit(0)\n")
    with student.standing_in({"forward": lambda *_: 1}):
        with pytest.raises(LimitHit):
            student.call("die")
        assert student.call("predict", 0, 0) == 1
        with student.standing_in({"forward": lambda *_: 2, "mask": lambda *_: 3}):
            assert student.call("predict", 0, 0) == 2
        assert student.call("predict", 0, 0) == 1
        with pytest.raises(LimitHit):
            student.call("die")
    assert student.call("predict", 0, 0) == "own"
    assert student.restarts == 2


def test_a_stand_in_draws_from_the_students_generator_and_advances_it(start):
    student = start(CALLER)
    here = np.random.default_rng(5)
    with student.standing_in({"mask": lambda rng: rng.integers(0, 9, 5)}):
        drawn, after = student.call("with_rng", Rng(5))
    assert np.array_equal(drawn, here.integers(0, 9, 5))
    assert after == here.random()


def test_a_stand_in_answers_tensors_with_tensors(box):
    cells = (
        "import torch\ndef halves(X, m): return None\ndef both(X):\n"
        "    a, b = halves(X, 1)['parts']\n    return torch.is_tensor(a), b.float().sum()"
    )
    with box.start(notebook(cells), ("numpy", "torch"), Limits()) as student:
        stand_in = {"halves": lambda X, m: {"parts": [X[:m], X[m:]]}}
        with student.standing_in(stand_in):
            are_tensors, total = student.call("both", Tensor([1.0, 2.0, 4.0]))
    assert are_tensors
    assert total == 6


def test_float16_is_computed_behind_the_wall(box):
    cells = "import torch\ndef halved(x): return x.half().float() / 2\n"
    with box.start(notebook(cells), ("numpy", "torch"), Limits()) as student:
        assert student.call("halved", Tensor([1.0, 3.0])).tolist() == [0.5, 1.5]


def test_an_error_of_a_stand_in_is_an_exception_of_the_students(start):
    def strict(*_: object) -> object:
        raise np.linalg.LinAlgError("singular")

    student = start(CALLER)
    with student.standing_in({"forward": strict}), pytest.raises(StudentRaised, match="ValueError: singular"):
        student.call("predict", 0, 0)


def test_what_a_stand_in_raises_costs_only_that_call(start):
    def broken(*_: object) -> object:
        raise RuntimeError("on odd arguments")

    student = start(CALLER)
    with student.standing_in({"forward": broken}), pytest.raises(StudentRaised, match="odd arguments"):
        student.call("predict", 0, 0)
    assert student.call("predict", 0, 0) == "own"


@pytest.mark.parametrize(
    "call",
    [
        "forward(10**9, {})",
        "forward([3000, 3000, 1], {})",
        "forward(np.array([10**9, 2]), {})",
        "forward({'a': ({'b': -(2**70)},)}, {})",
        "forward(np.zeros((5000, 1000), 'int8'), {})",
        "forward(print, {})",
    ],
)
def test_a_stand_in_refuses_what_would_make_it_work_for_minutes(start, call):
    asked = []
    source = f"import numpy as np\ndef forward(*a): pass\ndef predict(): return {call}"
    student = start(source, limits=msgspec.structs.replace(TIGHT, frame_bytes=8 * MEBIBYTE))
    stand_in = student.standing_in({"forward": lambda *args: asked.append(args)})
    with stand_in, pytest.raises(StudentRaised, match="forward was given"):
        student.call("predict")
    assert not asked


def test_a_stand_in_kept_for_later_answers_no_more(start):
    student = start(CALLER + "kept = []\ndef keep(): kept.append(forward)\ndef use(): return kept[0](1, 2)")
    with student.standing_in({"forward": lambda *_: "secret"}):
        student.call("keep")
    with pytest.raises(StudentRaised, match="only be called while the check runs"):
        student.call("use")


def test_stand_ins_are_answered_within_the_calls_time(start):
    student = start("def forward(): pass\ndef predict():\n    while True: forward()\ndef honest(): return 1")
    with student.standing_in({"forward": lambda: 1}):
        for _ in range(5):
            with pytest.raises((LimitHit, StudentRaised)):
                student.call("predict", seconds=0.2)
            assert student.call("honest") == 1
    assert student.restarts == 0
