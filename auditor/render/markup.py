"""The report as one HTML document: templates filled, style sheet, fonts and script inlined and hashed.

Used by the screen version as it is and by the PDF, so that both show the same. Policy: nothing may be loaded
except what the document itself carries, and only the style and the script whose hash is named may run.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import re
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from auditor.documents.comparison import Comparison
from auditor.documents.results import Results
from auditor.render.assets import data_uri, read_bytes, read_text
from auditor.render.column_widths import column_shares
from auditor.render.comparison.view import build as build_comparison
from auditor.render.figures.colour import dark_rules
from auditor.render.names import display_name
from auditor.render.view import build
from auditor.untrusted_text import visible


_TITLE, _SVG = re.compile(r"<title>(.*?)</title>", re.S), '<svg xmlns="http://www.w3.org/2000/svg" '


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
        template, tool, report = "compare.html.j2", document.candidate.tool, build_comparison(document, created)
    else:
        template, tool, report = "report.html.j2", document.tool, build(document, created)  # type: ignore[assignment]
    css, script = style_sheet(), read_text("sort.js")
    filled = (
        _environment()
        .get_template(template)
        .render(
            report=report,
            paper=paper,
            css=Markup(css),
            script=Markup(script),
            policy=content_security_policy(css, script),
            generator=f"{display_name(tool.name)} {display_name(tool.version)}",
        )
    )
    return visible(filled, keep="\n")  # whatever a template forgot


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
    environment.filters |= {"as_image": as_image, "column_shares": column_shares}
    return environment


def as_image(svg: Markup) -> Markup:
    """The picture as an ``<img>``: what is drawn in it is then no part of the document that has to be parsed and styled."""
    alt = _TITLE.search(svg)
    assert alt is not None
    uri = data_uri("image/svg+xml", str(svg).replace("<svg ", _SVG, 1).encode())
    return Markup('<img alt="{}" src="{}">').format(Markup(alt[1]).unescape(), uri)
