"""
Proving a course's checks: `grader validate`.

A check is code, and code has mistakes. Before it may cost a student anything it must pass the notebook's own
solution and every unusual right style, fail every known mistake (mutation testing, with the misconceptions
as the mutants), name that mistake to the student, and say the same thing each time it is asked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import msgspec
import nbformat

from grader import pipeline
from grader.checks import catalogue, plugin, thresholds
from grader.checks.authoring import Variant
from grader.checks.catalogue import CheckSet
from grader.checks.training import Goal, goals_of
from grader.config import Config
from grader.errors import ConfigError
from grader.records import CheckResult, Grade, Verdict
from grader.release import generate, hidden_text_in
from grader.sandbox import Sandbox
from grader.submission import from_notebook
from grader.validate_written import prove_written, written_notebooks

__all__ = ["Finding", "validate"]

SEEDS = ("seed-1", "seed-2", "seed-3")
MIN_MISCONCEPTIONS = 3  # a blank
MIN_MISCONCEPTIONS_BACKWARD = 5  # a blank that gives a gradient
GRADIENT_WORDS = ("backward", "grad")
# Examples that fail in one run of a hundred are found with probability 1 - 0.99^300 = 0.95. Where they train,
# fewer runs fit into the seconds.
RUNS = 300
RUNS_SECONDS = 5


class Finding(msgspec.Struct, frozen=True):
    """
    One proof of one notebook.

    Args:
        notebook: "backprop/shallow_net".
        proof: what was to be shown.
        tried: how many cases.
        problems: one sentence for each case that went wrong; empty where all is well.
    """

    notebook: str
    proof: str
    tried: int
    problems: tuple[str, ...] = ()


class _Bench:
    """One notebook on the test bench: composes submissions and grades them behind the wall."""

    def __init__(self, checks: CheckSet, config: Config, sandbox: Sandbox) -> None:
        self.checks = checks
        self.config = config
        self.sandbox = sandbox
        self.name = f"{checks.assignment}/{checks.notebook}"
        self.source = _read(self.path("source"))

    def path(self, step: str) -> Path:
        return self.config.course / step / self.checks.assignment / f"{self.checks.notebook}.ipynb"

    def released(self) -> nbformat.NotebookNode:
        return _read(self.path("release"))

    def grade(self, notebook: nbformat.NotebookNode, student_id: str = SEEDS[0]) -> Grade:
        submission = from_notebook(notebook, student_id, self.checks.assignment, self.checks.notebook)
        return pipeline.grade(submission, self.config, self.sandbox)

    def judge(self, notebook: nbformat.NotebookNode, blank: str) -> tuple[CheckResult, ...]:
        """Return the results of one blank alone."""
        submission = from_notebook(notebook, SEEDS[0], self.checks.assignment, self.checks.notebook)
        with pipeline.start(submission, self.config, self.sandbox) as student:
            seed = pipeline.submission_seed(submission, self.config)
            return plugin.run(self.checks, student, seed, blank, pipeline.digits_of(self.config))

    def with_variants(self, replaced: Sequence[Variant]) -> nbformat.NotebookNode:
        """Return the solved notebook with *replaced* in place of their blanks' solutions."""
        notebook: nbformat.NotebookNode = nbformat.from_dict(self.source)
        sources = {variant.blank: variant.source for variant in replaced}
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id in sources:
                cell.source = sources.pop(grade_id)
        if sources:
            raise ConfigError(f"{self.name}: no cell has the grade_id {', '.join(sources)}.")
        return notebook

    def with_appended(self, blank: str, text: str) -> nbformat.NotebookNode:
        """Return the solved notebook with *text* after the solution of *blank*, in the same cell."""
        solution = next(
            cell.source
            for cell in self.source.cells
            if cell.metadata.get("nbgrader", {}).get("grade_id") == blank
        )
        return self.with_variants([Variant("trivial", "", blank, solution + "\n" + text)])


def validate(assignment: str | None, config: Config, jobs: int) -> Iterator[Finding]:
    """
    Prove the checks of one assignment, or of all, a notebook at a time in each of *jobs* processes.

    Args:
        assignment: such as "backprop"; None for every one.
        config: the course: its source/ and release/ are read.
        jobs: processes, each behind a wall of its own.

    Yields:
        The findings, as the notebooks get done.

    Raises:
        ConfigError: no such assignment, or a notebook of it is missing.
        WallError: the wall does not stand.
    """
    every = sorted([*catalogue.known(), *written_notebooks(config.course)])
    names = [name for name in every if assignment in (None, name[0])]
    if not names:
        known = ", ".join(sorted({name for name, _ in every}))
        raise ConfigError(f"There is no assignment {assignment!r}. Known: {known}.")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(prove, *name, config) for name in names]):
            yield from done.result()


def prove(assignment: str, notebook: str, config: Config) -> list[Finding]:
    """Carry out every proof for one notebook."""
    with pipeline.sandbox_of(config) as sandbox:
        sandbox.self_test()
        if (assignment, notebook) not in catalogue.known():
            shown = prove_written(assignment, notebook, config, sandbox)
            return [Finding(f"{assignment}/{notebook}", proof, 1, wrong) for proof, wrong in shown.items()]
        bench = _Bench(catalogue.find(assignment, notebook), config, sandbox)
        return [proof(bench) for proof in PROOFS]


def _coverage(bench: _Bench) -> Finding:
    """Every blank has a check cell, checks and misconceptions."""
    spec = bench.checks.spec
    metadata = [cell.metadata.get("nbgrader", {}) for cell in bench.source.cells]
    scored = {m["grade_id"].removeprefix("check_") for m in metadata if m.get("grade")}
    written = {m["grade_id"] for m in metadata if m.get("solution") and not m.get("grade")}
    problems = [f"{blank} has no check cell check_{blank}" for blank in spec.blanks if blank not in scored]
    problems += [f"{blank} has no solution cell" for blank in spec.blanks if blank not in written]
    problems += [f"the check cell of {name} is for no blank" for name in sorted(scored - set(spec.blanks))]
    for blank in spec.blanks:
        names = {n for n, group in bench.checks.misconceptions.items() if blank in {v.blank for v in group}}
        gradient = any(word in blank for word in GRADIENT_WORDS)
        wanted = MIN_MISCONCEPTIONS_BACKWARD if gradient else MIN_MISCONCEPTIONS
        if len(names) < wanted:
            problems.append(f"{blank} has {len(names)} misconceptions, fewer than {wanted}")
    return Finding(bench.name, "every blank has checks and misconceptions", len(spec.blanks), tuple(problems))


def _release(bench: _Bench) -> Finding:
    """The release equals the source and hides what must be hidden."""
    released = bench.released()
    problems = hidden_text_in(released, bench.source)
    with tempfile.TemporaryDirectory() as scratch:
        folder = generate(bench.config.course, bench.checks.assignment, Path(scratch))
        generated = (folder / f"{bench.checks.notebook}.ipynb").read_bytes()
    if generated != bench.path("release").read_bytes():
        problems.append("release/ differs from what source/ generates: run `make release`")
    return Finding(bench.name, "the release equals the source, hides the rest", 1, tuple(problems))


def _thresholds(bench: _Bench) -> Finding:
    """Every goal of a training was calibrated, and the notebook tells the student a stricter figure."""
    goals = goals_of(bench.checks.assignment, bench.checks.notebook)
    problems = [problem for goal in goals for problem in _problems_of_goal(bench, goal)]
    return Finding(bench.name, "thresholds are calibrated and told", len(goals), tuple(problems))


def _problems_of_goal(bench: _Bench, goal: Goal) -> list[str]:
    rows = [row for row in thresholds.load() if row.key[:3] == (*bench.name.split("/"), goal.what)]
    if not any(row.device == thresholds.CPU for row in rows):
        return [f"{goal.what} has no threshold: `grader calibrate {bench.checks.assignment}`"]
    text = "\n".join(cell.source for cell in bench.source.cells if cell.cell_type == "markdown")
    told = {thresholds.told_text(row, percent=goal.percent) for row in rows if row.device == thresholds.CPU}
    return [f"the notebook does not tell {goal.what}: {figure}" for figure in told if figure not in text]


def _solution(bench: _Bench) -> Finding:
    """The solution gets full marks, on three seeds."""
    problems: list[str] = []
    for seed in SEEDS:
        grade = bench.grade(bench.source, seed)
        problems += [f"{seed}: {text}" for text in _lost(grade) + _cell_errors(grade)]
        graded = {result.blank for result in grade.results}
        problems += [f"{blank} has no checks" for blank in bench.checks.spec.blanks if blank not in graded]
    return Finding(bench.name, "the solution gets full marks", len(SEEDS), tuple(problems))


def _examples(bench: _Bench) -> Finding:
    """The examples that a student sees, run again and again below the solution, never fail by chance."""
    notebook: nbformat.NotebookNode = nbformat.from_dict(bench.source)
    cells, tried = [], 0
    for cell in notebook.cells:
        cells.append(cell)
        metadata = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and metadata.get("grade") and not metadata.get("solution"):
            again = {
                "name": metadata["grade_id"],
                "source": cell.source,
                "runs": RUNS,
                "seconds": RUNS_SECONDS,
            }
            cells.append(nbformat.v4.new_code_cell(AGAIN.format(**again)))
            tried += 1
    notebook.cells = cells
    problems = tuple(_cell_errors(bench.grade(notebook)))
    return Finding(bench.name, "the examples never fail by chance", tried, problems)


def _repeatable(bench: _Bench) -> Finding:
    """The same submission gets the same verdicts three times."""
    mixed = bench.with_variants(next(iter(bench.checks.misconceptions.values())))
    outcomes = {tuple((r.name, r.verdict) for r in bench.grade(mixed).results) for _ in SEEDS}
    problems = () if len(outcomes) == 1 else ("three gradings of one submission differ",)
    return Finding(bench.name, "three gradings agree", len(SEEDS), problems)


def _stub(bench: _Bench) -> Finding:
    """The released notebook runs and gets nought."""
    grade = bench.grade(bench.released())
    problems = [f"{s.grade_id} gives {s.points} points to an empty blank" for s in grade.scores if s.points]
    problems += [f"{s.grade_id}: the grader failed" for s in grade.scores if s.points is None]
    problems += [e for e in _cell_errors(grade) if "NotImplementedError" not in e]
    return Finding(bench.name, "the released notebook runs and gets nought", 1, tuple(problems))


def _trivial(bench: _Bench) -> Finding:
    """An answer of the right shape without any content gets nought."""
    problems: list[str] = []
    for blank in bench.checks.spec.blanks:
        for name, wrapper in TRIVIAL.items():
            answer = bench.with_appended(blank, wrapper.format(blank=blank))
            earned = [
                result.name for result in bench.judge(answer, blank) if result.verdict is Verdict.PASSED
            ]
            problems += [f"{blank} passes {check} with {name}" for check in earned]
    tried = len(bench.checks.spec.blanks) * len(TRIVIAL)
    return Finding(bench.name, "an answer without content gets nought", tried, tuple(problems))


# The cell that follows each cell of examples. The draws go on from one generator: no two runs are alike.
AGAIN = """
def _again(source, failed=0, runs=0, said=None):
    import contextlib, io, time
    end = time.monotonic() + {seconds}
    while runs < {runs} and time.monotonic() < end:
        runs += 1
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(source, globals())
        except Exception as error:
            failed, said = failed + 1, said or repr(error)
    assert not failed, f"{name} fails in {{failed}} of {{runs}} runs: {{said}}"
_again(compile({source!r}, {name!r}, "exec"))
"""


# What a student could write without any insight, and an attacker would try first.
TRIVIAL = {
    "zeros of the right shape": """
_right = {blank}
def _nought(value):
    if isinstance(value, dict):
        return {{key: _nought(item) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return type(value)(_nought(item) for item in value)
    return 0 * value
def {blank}(*args, _right=_right, **kwargs):
    return _nought(_right(*args, **kwargs))
""",
    "its first argument": """
def {blank}(first, *args, **kwargs):
    return first
""",
}


def _misconceptions(bench: _Bench) -> Finding:
    """Every misconception loses marks on its own check, is named, and costs nothing else."""
    problems: list[str] = []
    for name, group in bench.checks.misconceptions.items():
        problems += [f"{name!r}: {text}" for text in _misconception_problems(bench, name, group)]
    tried = len(bench.checks.misconceptions)
    return Finding(bench.name, "every misconception loses its marks and is named", tried, tuple(problems))


def _misconception_problems(bench: _Bench, name: str, group: Sequence[Variant]) -> list[str]:
    grade = bench.grade(bench.with_variants(group))
    guilty = {variant.blank for variant in group if variant.explanation}
    allowed = guilty.union(*(variant.also for variant in group), (variant.blank for variant in group))
    lost = {result.blank for result in grade.results if result.verdict is not Verdict.PASSED}
    problems = [f"{blank} keeps all its marks" for blank in sorted(guilty - lost)]
    problems += [
        f"{result.blank} loses marks that are not its own: {_told(result)}"
        for result in grade.results
        if result.verdict is not Verdict.PASSED and result.blank not in allowed
    ]
    problems += [
        f"the grader failed: {result.name}: {result.message}"
        for result in grade.results
        if result.verdict is Verdict.GRADER_ERROR
    ]
    named = {result.misconception for result in grade.results if result.blank in guilty}
    if guilty & lost and name not in named:
        others = ", ".join(sorted(named - {""})) or "nothing"
        problems.append(f"the feedback names {others} instead")
    return problems


def _styles(bench: _Bench) -> Finding:
    """Every unusual right style keeps all marks."""
    problems: list[str] = []
    for name, group in bench.checks.styles.items():
        problems += [f"{name!r}: {text}" for text in _lost(bench.grade(bench.with_variants(group)))]
    return Finding(bench.name, "every right style keeps all marks", len(bench.checks.styles), tuple(problems))


PROOFS = (
    _coverage,
    _release,
    _thresholds,
    _solution,
    _examples,
    _repeatable,
    _stub,
    _trivial,
    _misconceptions,
    _styles,
)


def _lost(grade: Grade) -> list[str]:
    return [_told(result) for result in grade.results if result.verdict is not Verdict.PASSED]


def _told(result: CheckResult) -> str:
    return f"{result.name} {result.verdict.value}: {result.message} {result.note}".strip()


def _cell_errors(grade: Grade) -> list[str]:
    return [f"cell {run.index}: {run.error}" for run in grade.runs if run.error]


def _read(path: Path) -> nbformat.NotebookNode:
    if not path.is_file():
        raise ConfigError(f"{path} is missing; a check module without its notebook can't be proved.")
    return nbformat.read(path, as_version=4)
