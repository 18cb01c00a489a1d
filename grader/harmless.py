"""
Making what students wrote harmless in a browser: markdown, raw cells and outputs.

The formgrader shows the autograded notebook to an instructor who is logged in to Jupyter, and the feedback
page is made from it too: so it is cleaned once, there. A list says what may stay; all else goes. The pages'
own renderer passes HTML, `javascript:` links and Mermaid's source straight through.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from urllib.parse import unquote

import nbformat
import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbgrader import utils

from grader.intake import is_base64

__all__ = [
    "clean_cells",
    "clean_html",
    "clean_markdown",
    "clean_outputs",
    "html_block",
    "is_coloured",
    "output_node",
    "svg_image",
]

MAX_MARKDOWN = 20_000  # characters of a cell; the renderer's time grows with the square of some texts
MAX_MARKDOWN_TOTAL = 500_000  # characters of a notebook that are rendered; what comes after is shown as text
MAX_TEXT = 200_000  # characters of one output
# Tags of one piece of HTML: the cleaner's time grows with the square of their nesting, to 0.05 s at 3,000. A
# table of 60 rows and 20 columns, the largest that pandas shows, has 2,700.
MAX_TAGS = 3_000
IMAGES = ("image/png", "image/jpeg")
# MathJax leaves a part of the page alone that has its ignore class: TeX can make links and change styles.
IGNORED_BY_MATHJAX = "tex2jax_ignore mathjax_ignore"

TAGS = {
    *(
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
    ),
    *(
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "small",
        "span",
        "strong",
        "sub",
    ),
    *("summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
# No class, id, style or name: a borrowed class or id could cover or impersonate the formgrader's own
# controls.
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"alt", "height", "src", "title", "width"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
}
EMBEDDED_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
# A block of code with the name of its language: the pages' own renderer must not see one; see _Renderer.
NAMED_CODE = re.compile(r"(?:(?<!`)`{3,}+|(?<!~)~{3,}+)[^\S\n]*+\S")
# Code that Pygments takes hours to colour: its patterns look at a whole run of blanks from each of its lines.
BLANKS, MAX_COLOURED = re.compile(r"(?<!\s)\s{1000,}+"), 200_000  # characters
FOLLOWED_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
PLAIN_LINK = re.compile(r"\]\((https?://[\w./~%#?=&:+,-]*|#[\w-]*)\)")
TEX_COMMANDS = re.compile(
    r"\\(href|url|require|style|class|cssId|csname|mmlToken|data|html\w*|bbox|includegraphics|unicode)\b"
)
SUSPECT = re.compile(
    # Markup; an image; links of any but the plain kind; Mermaid; attachments; ids of the formgrader's
    # controls.
    r"<[a-z/!?]|!\[|\]\(|\]:|mermaid|attachment:|script:|check_|-comment|_extra_credit",
    re.IGNORECASE,
)


def clean_cells(notebook: nbformat.NotebookNode) -> None:
    """Make every text cell that a student may have written harmless, in place."""
    total = 0
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" or _is_the_courses(cell):
            continue
        metadata, name = cell.metadata, cell.id
        total += len(cell.source)
        # nbconvert writes raw cells into the page as they are.
        if cell.cell_type == "raw" or total > MAX_MARKDOWN_TOTAL:
            source = _as_text(cell.source)
        else:
            source = clean_markdown(cell.source, cell.get("attachments", {}))
        markdown = {"cell_type": "markdown", "id": name, "metadata": metadata, "source": source}
        notebook.cells[index] = nbformat.from_dict(markdown)


def is_coloured(notebook: nbformat.NotebookNode) -> bool:
    """Whether the pages may colour the code cells: not where somebody made them for its taking long."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return sum(map(len, sources)) <= MAX_COLOURED and not any(BLANKS.search(source) for source in sources)


def clean_markdown(source: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """
    Return markdown that renders to harmless HTML.

    Plain text, mathematics, code and ordinary links are returned as they are. Anything else is rendered here,
    cleaned, and returned as one block of HTML, which the pages' renderer passes through unchanged.

    Args:
        source: markdown by a student.
        attachments: pictures it may show, already checked to be base64.
    """
    if len(source) > MAX_MARKDOWN:
        return _as_text(source)
    try:
        if _is_plain(source):
            return source
        rendered = _render(source, attachments or {})
        block = html_block(_without_tex_commands(clean_html(rendered)))
        unchanged = _render(block, {}).strip() == block
    except Exception:  # noqa: BLE001 - whatever a hostile text does to the renderer, it is shown as text
        return _as_text(source)
    return block if unchanged else _as_text(source)


def clean_html(text: str) -> str:
    """
    Return the harmless part of a piece of HTML: no scripts, styles, forms, frames or foreign images.

    One with more tags than anybody writes is returned as text.
    """
    if text.count("<") > MAX_TAGS:
        return f"<p>Shown as text: too many tags.</p><pre>{html.escape(text)}</pre>"
    return str(
        nh3.clean(
            text,
            tags=TAGS,
            attributes=ATTRIBUTES,
            attribute_filter=_allowed_attribute,
            url_schemes={"http", "https", "mailto", "data"},
            link_rel="noopener noreferrer nofollow",
        )
    )


def html_block(inner: str) -> str:
    """Return *inner* as one line of HTML, which markdown takes as a block and leaves alone."""
    return "<div>" + inner.replace("\r", "").replace("\n", "&#10;") + "</div>"


def clean_outputs(outputs: tuple[dict[str, object], ...]) -> list[nbformat.NotebookNode]:
    """
    Return what a student's cell put out, as outputs that may be shown.

    Args:
        outputs: nbformat outputs as they came through the wall; anything may stand in them.
    """
    cleaned = (_clean_output(output) for output in outputs)
    return [output for output in cleaned if output is not None]


def output_node(kind: str, **fields: object) -> nbformat.NotebookNode:
    """
    Return an output of a cell.

    Not by nbformat.v4.new_output, which takes milliseconds to validate each by itself: the whole notebook is
    validated when it is written.
    """
    return nbformat.from_dict({"output_type": kind, **fields})


def svg_image(svg: str, description: str) -> str:
    """Return an SVG document as an HTML image; a browser runs no script and loads nothing from one."""
    data = base64.b64encode(svg.encode()).decode()
    # White behind it, since lines and letters are drawn dark and the page may be dark too.
    return (
        f'<img alt="{html.escape(description)}" src="data:image/svg+xml;base64,{data}" '
        'style="max-width:100%;height:auto;border:0;background:#fff;border-radius:4px">'
    )


def _is_the_courses(cell: nbformat.NotebookNode) -> bool:
    """Whether the text is the released one: locked, or an answer cell in which nothing was written."""
    metadata = cell.metadata.get("nbgrader")
    if not metadata:
        return False
    if utils.is_locked(cell) or metadata.get("task"):
        return True
    return bool(metadata.get("checksum") and metadata["checksum"] == utils.compute_checksum(cell))


def _is_plain(source: str) -> bool:
    """Whether *source* holds nothing that could become more than text; doubtful counts as no."""
    probe = PLAIN_LINK.sub("", source)
    for _ in range(3):  # an entity may hide in an entity
        probe = html.unescape(unquote(probe))
    probe = re.sub(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]", "", probe)
    return (
        not SUSPECT.search(probe)
        and not SUSPECT.search(probe.replace("\\", ""))
        and not TEX_COMMANDS.search(source)
        and not TEX_COMMANDS.search(probe)
        and not NAMED_CODE.search(source)
    )


class _Renderer(IPythonRenderer):  # type: ignore[misc]
    """The pages' own renderer, but for code, which it colours by whatever language the author names."""

    def block_code(self, code: str, info: str | None = None) -> str:
        """Return code without colours: some lexers take time without end for a line of spaces."""
        del info
        return f"<pre><code>{html.escape(code)}</code></pre>"


def _render(source: str, attachments: Mapping[str, Mapping[str, str]]) -> str:
    renderer = _Renderer(escape=False, attachments={name: dict(a) for name, a in attachments.items()})
    return str(MarkdownWithMath(renderer=renderer).render(source))


def _without_tex_commands(text: str) -> str:
    return TEX_COMMANDS.sub(r"\\text{\1}", text)


def _as_text(source: str) -> str:
    return html_block(f"<pre>{html.escape(source)}</pre>")


def _allowed_attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "img" and name == "src":
        return value if EMBEDDED_IMAGE.fullmatch(value) else None
    # A relative link would ask the Jupyter server itself, in the name of the instructor who follows it.
    if name == "href" and not FOLLOWED_LINK.match(value):
        return None
    return value


def _clean_output(output: dict[str, object]) -> nbformat.NotebookNode | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return output_node("stream", name=name, text=_text(output.get("text")))
    if kind == "error":
        lines = output.get("traceback")
        return output_node(
            "error",
            ename=_text(output.get("ename"))[:200],
            evalue=_text(output.get("evalue")),
            traceback=[_text(line) for line in lines] if isinstance(lines, list | tuple) else [],
        )
    if kind in ("display_data", "execute_result"):
        data = output.get("data")
        return _display(data) if isinstance(data, Mapping) else None
    return None


def _display(data: Mapping[object, object]) -> nbformat.NotebookNode | None:
    """Keep text, pixel images, cleaned HTML and SVG as an image; drop scripts, widgets and the rest."""
    shown: dict[str, str] = {}
    if "text/plain" in data:
        shown["text/plain"] = _text(data["text/plain"])
    for mime in IMAGES:
        text = data.get(mime)
        if isinstance(text, str) and is_base64(text):
            shown[mime] = "".join(text.split())
    if "text/html" in data:
        cleaned = clean_html(_text(data["text/html"]))
        shown["text/html"] = f'<div class="{IGNORED_BY_MATHJAX}">{cleaned}</div>'
    elif "image/svg+xml" in data:
        shown["text/html"] = svg_image(_text(data["image/svg+xml"]), "a drawing by this cell")
    if not shown:
        return None
    return output_node("display_data", data=shown, metadata={})


def _text(value: object) -> str:
    text = (
        value
        if isinstance(value, str)
        else "".join(v for v in value if isinstance(v, str))
        if isinstance(value, list | tuple)
        else ""
    )
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\n… (cut off here)"
