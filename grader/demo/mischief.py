"""What goes wrong with submissions, by mistake and on purpose: edits of a notebook, and texts of cells."""

from __future__ import annotations

import textwrap

import nbformat

__all__ = [
    "check_cells_deleted",
    "check_cells_edited",
    "endless",
    "exits",
    "fills_the_disk",
    "floods",
    "forks",
    "hoards",
    "kills",
    "leaves_a_daemon",
    "numerical_backward",
    "raises",
    "reads_the_machine",
    "syntax_error",
    "with_cell",
    "with_script",
]


def _cell_text(signature: str, body: str) -> str:
    return f"{signature}\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"


def syntax_error(signature: str) -> str:
    """Return a cell that Python can't read."""
    return _cell_text(signature, "return (1 +")


def raises(signature: str) -> str:
    """Return a function that stops with an exception of its own."""
    return _cell_text(signature, 'raise ValueError("shapes do not fit, I give up")')


def endless(signature: str) -> str:
    """Return a function that never returns."""
    return _cell_text(signature, "while True:\n    pass")


def hoards(signature: str) -> str:
    """Return a function that takes memory until somebody stops it."""
    return _cell_text(
        signature,
        """
        hoard = []
        while True:
            hoard.append(np.ones(4_000_000))
        """,
    )


def exits(signature: str) -> str:
    """Return a function that ends its process as if all were well."""
    return _cell_text(signature, "import os\nos._exit(0)")


def forks(signature: str) -> str:
    """Return a function that doubles its processes as long as it may, and then ends."""
    return _cell_text(
        signature,
        """
        import os
        for _ in range(12):
            try:
                os.fork()
            except OSError:
                pass
        os._exit(0)
        """,
    )


def kills(signature: str) -> str:
    """Return a function that ends every process that it can reach."""
    return _cell_text(
        signature,
        """
        import os
        for pid in [*range(2, 1000), -1, os.getppid(), os.getpid()]:
            try:
                os.kill(pid, 9)
            except OSError:
                pass
        """,
    )


def leaves_a_daemon() -> str:
    """Return a cell that leaves a process behind, in a session of its own, that nobody waits for."""
    return textwrap.dedent(
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(3600)
            os._exit(0)
        """
    ).strip()


def fills_the_disk() -> str:
    """Return a cell that writes files until there is no room for more."""
    return textwrap.dedent(
        """
        for folder in (".", "/tmp", "/dev/shm"):
            try:
                with open(folder + "/filler", "wb") as filler:
                    while True:
                        filler.write(bytes(2**20))
            except OSError:
                pass
        """
    ).strip()


def floods() -> str:
    """Return a cell that prints a hundred times of what may be printed."""
    return 'for _ in range(400):\n    print("x" * 2**20)'


def numerical_backward() -> str:
    """Return a backward of the shallow net that is right, by the forbidden road of differences."""
    return _cell_text(
        "def backward(X, y, params, cache):",
        """
        grads = {}
        for name, value in params.items():
            slope = np.zeros_like(value)
            for place in np.ndindex(value.shape):
                moved = {key: array.copy() for key, array in params.items()}
                moved[name][place] += 1e-5
                above = loss(forward(X, moved)[0], y)
                moved[name][place] -= 2e-5
                slope[place] = (above - loss(forward(X, moved)[0], y)) / 2e-5
            grads["d" + name] = slope
        return grads
        """,
    )


def reads_the_machine(course: str, signature: str, solution: str) -> str:
    """
    Return a cell that looks for the hidden checks, the gradebook and secrets.

    Only where it finds something is the blank written, so points for it mean that the wall has a hole.

    Args:
        course: the folder in which the hidden things really lie.
        signature: of the blank.
        solution: the blank's right code.
    """
    search = f"""
    def look_around():
        import glob, os
        loot = glob.glob({course!r} + "/**/*.py", recursive=True)
        loot += glob.glob({course!r} + "/gradebook.db") + glob.glob("/root/*") + glob.glob("/home/*/*")
        loot += [name for name in os.environ if "SECRET" in name or "TOKEN" in name]
        try:
            from grader.checks import catalogue
            loot.append(catalogue)
        except ImportError:
            pass
        return loot


    if look_around():
    """
    disappointed = _cell_text(signature, 'raise LookupError("there was nothing to find")')
    found, empty = (textwrap.indent(text, "    ") for text in (solution, disappointed))
    return f"{textwrap.dedent(search).strip()}\n{found}\nelse:\n{empty}"


def check_cells_edited(notebook: nbformat.NotebookNode) -> None:
    """Make every check cell harmless and precious."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source = "assert True"
            cell.metadata["nbgrader"]["points"] = 100


def check_cells_deleted(notebook: nbformat.NotebookNode) -> None:
    """Throw every check cell away."""
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")]


def with_cell(notebook: nbformat.NotebookNode, source: str) -> None:
    """Add a cell of the student's own at the end."""
    notebook.cells.append(nbformat.v4.new_code_cell(source, id="my-own-cell"))


def with_script(notebook: nbformat.NotebookNode, marker: str) -> None:
    """Put script into text, output and a cell's source, where a feedback page might run it."""
    script = f"<script>document.title = '{marker}'</script><img src=x onerror='document.title=1'>"
    notebook.cells.append(nbformat.v4.new_markdown_cell(f"My notes {script}", id="my-notes"))
    show = f"from IPython.display import HTML, display\ndisplay(HTML({script!r}))\nprint({script!r})"
    with_cell(notebook, show)
