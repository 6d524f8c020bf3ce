"""The report as one HTML document: templates filled, style sheet, fonts and script inlined and hashed.

Used by the screen version as it is and by the PDF, so that both show the same. Policy: nothing may be loaded
except what the document itself carries, and only the style and the script whose hash is named may run.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
from dataclasses import dataclass
from functools import cache
from weakref import ReferenceType, ref

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from auditor.documents.comparison import Comparison
from auditor.documents.results import Results
from auditor.render.assets import data_uri, read_bytes, read_text
from auditor.render.comparison.view import CompareReport
from auditor.render.comparison.view import build as build_comparison
from auditor.render.figures.colour import dark_rules
from auditor.render.names import display_name
from auditor.render.paper_figures import as_image
from auditor.render.paper_tables import column_shares, spanned
from auditor.render.view import Report, build
from auditor.untrusted_text import visible


@dataclass(frozen=True)
class Face:
    """One font file and the name under which the style sheet asks for it."""

    family: str
    weight: int
    style: str
    file: str


FACES = (
    Face("Audit Serif", 400, "normal", "audit-serif-regular"),
    Face("Audit Serif", 400, "italic", "audit-serif-italic"),
    Face("Audit Serif", 600, "normal", "audit-serif-semibold"),
    Face("Audit Display", 400, "normal", "audit-display-regular"),
    Face("Audit Sans", 400, "normal", "audit-sans-regular"),
    Face("Audit Sans", 600, "normal", "audit-sans-semibold"),
    Face("Audit Mono", 400, "normal", "audit-mono-regular"),
)


def markup(document: Results | Comparison, created: datetime.date | None, paper: bool = False) -> str:
    """The whole HTML document; on paper the long tables of the pairs stand together behind the pairs."""
    if isinstance(document, Comparison):
        template, tool = "compare.html.j2", document.candidate.tool
    else:
        template, tool = "report.html.j2", document.tool
    css, script = style_sheet(), read_text("sort.js")
    filled = (
        _environment()
        .get_template(template)
        .render(
            report=_view(document, created),
            paper=paper,
            css=Markup(css),
            script=Markup(script),
            policy=content_security_policy(css, script),
            generator=f"{display_name(tool.name)} {display_name(tool.version)}",
        )
    )
    return visible(filled, keep="\n")  # whatever a template forgot


_seen: list[tuple[ReferenceType[Results | Comparison], datetime.date | None, Report | CompareReport]] = []
"""The latest view, so that the pages for a screen and for paper share one, its figures drawn once."""


def _view(document: Results | Comparison, created: datetime.date | None) -> Report | CompareReport:
    for seen, day, report in _seen:
        if seen() is document and day == created:
            return report
    report = build_comparison(document, created) if isinstance(document, Comparison) else build(document, created)
    _seen[:] = [(ref(document, lambda _: _seen.clear()), created, report)]
    return report


def content_security_policy(css: str, script: str) -> str:
    """The policy that allows this style, this script and nothing from anywhere."""
    return (
        f"default-src 'none'; img-src data:; font-src data:; style-src '{_hash(css)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def style_sheet() -> str:
    """The fonts as ``data:`` addresses, the report's own rules, and the colours of the maps in the dark."""
    dark = f"@media screen {{@media (prefers-color-scheme: dark) {{{dark_rules()}}}}}\n"
    return "".join(_font_face(face) for face in FACES) + read_text("report.css") + dark


def _font_face(face: Face) -> str:
    uri = data_uri("font/woff2", read_bytes(f"fonts/{face.file}.woff2"))
    return (
        f'@font-face{{font-family:"{face.family}";font-weight:{face.weight};font-style:{face.style};'
        f'src:url("{uri}") format("woff2")}}\n'
    )


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(read_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"as_image": as_image, "column_shares": column_shares, "spanned": spanned}
    return environment
