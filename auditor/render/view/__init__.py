"""The view: every word, label, unit and rounded number of the report, finished, before any template.

What goes in: ``Results``. What comes out: ``Report``, frozen dataclasses of text and figures in which a
template finds nothing to compute.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from auditor.documents.results import Results
from auditor.render.view.advice import PairAdvice, advice
from auditor.render.view.front import Front, front
from auditor.render.view.glance import Glance, glance
from auditor.render.view.glossary import GLOSSARY
from auditor.render.view.lookups import Audit
from auditor.render.view.method import Method, method
from auditor.render.view.model_and_data import Facts, facts
from auditor.render.view.not_measured import Limits, limits
from auditor.render.view.other_pairs import other_pairs
from auditor.render.view.page_parts import Table, Term
from auditor.render.view.pair import PairPage, pair_page, pairs_heading
from auditor.render.view.reproduce import Reproduce, reproduce


@dataclass(frozen=True)
class Report:
    """The whole report, ready to be set."""

    title: str
    created: str
    front: Front
    advice: list[PairAdvice]
    facts: Facts
    glance: Glance
    pairs: list[PairPage]
    pairs_heading: str
    others: Table | None
    limits: Limits
    method: Method
    reproduce: Reproduce
    glossary: list[Term]


def build(results: Results, created: datetime.date | None = None) -> Report:
    """Everything that the report shows.

    Args:
        results: the document.
        created: date to print, None prints none.
    """
    audit = Audit(results)
    return Report(
        title=f"Decision-boundary audit of {audit.model_name}",
        created=created.isoformat() if created else "",
        front=front(audit, created),
        advice=advice(audit),
        facts=facts(audit),
        glance=glance(audit),
        pairs_heading=pairs_heading(audit),
        pairs=[pair_page(audit, pair, rank) for rank, pair in enumerate(audit.with_page, 1)],
        others=other_pairs(audit),
        limits=limits(audit),
        method=method(audit),
        reproduce=reproduce(audit),
        glossary=GLOSSARY,
    )
