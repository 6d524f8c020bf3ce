"""Which parts of this audit are finished, by an earlier run or by this one; every new one is told to the parent.

A part may be taken over only if this run would have made the same: same tool and versions, model, data and settings.
What bears on no number is no fact: where files lie, how long the audit may take, what the output is.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence

import torch

from auditor import __version__
from auditor.documents.messages import Begun, Notice, PartDone
from auditor.documents.pair_outcomes import (
    BaselinesPart,
    Found,
    PairOutcome,
    PairsPart,
    ScreenedPair,
    ScreenedPart,
    form_of_parts,
)
from auditor.documents.plan import Plan
from auditor.documents.results import Plugin, Validity
from auditor.numbers.class_pairs import ClassPair
from auditor.pipeline import provenance as facts
from auditor.pipeline.model_and_data import Subject
from auditor.pipeline.plugins_in_use import facts_of_plugins

_NO_FACT = {"model", "data", "time_budget", "command", "force"}
_NO_MODEL_FACT = {"path", "device", "trust_model", "expect_sha256"}


class FinishedParts:
    """The finished parts.

    Args:
        found: what an earlier run left, or None.
        tell: gets what the parent has to keep.
        made: parts that this command has made, before its first worker died.
    Attributes:
        taken: pairs that an earlier run finished and this one need not do again.
        parts: what it finished of pairs, in the order in which that happened; of a pair also at several levels.
    """

    def __init__(
        self,
        found: Found | None = None,
        tell: Callable[[Begun | PartDone | Notice], None] = lambda _: None,
        *,
        made: Sequence[PairsPart | ScreenedPart | BaselinesPart] = (),
    ) -> None:
        self._found, self._tell, self._made = found, tell, made
        self.parts = list[PairsPart | ScreenedPart]()
        self._baselines: dict[ClassPair, BaselinesPart] = {}
        self.taken = 0
        self._order, self._used, self._of_earlier = list[ClassPair](), set[ClassPair](), set[ClassPair]()

    @property
    def taken_over(self) -> list[ClassPair]:
        """The pairs of which finished parts were taken over, in the order of the audit."""
        return [pair for pair in self._order if pair in self._used and pair in self._of_earlier]

    def begin(self, facts: dict[str, str], pairs: Sequence[ClassPair]) -> None:
        """Take over what the earlier run finished, if it is of this very audit, and say so.

        Args:
            facts: of this run.
            pairs: of this audit.
        """
        changed: list[str] = []
        if self._found is not None:
            changed = differences(self._found.facts, facts)
            if not changed:
                self._take_over(self._found.parts, set(pairs))
        self._order = list(pairs)
        self._of_earlier = {*self._baselines, *(pair for part in self.parts for pair in part.classes)}
        self.taken = len({pair.classes for part in self.parts for pair in part.pairs if _is_full(pair)})
        self._tell(Begun(facts=facts, changed=changed, taken=self.taken, wanted=len(pairs)))
        self._take_over(self._made, set(pairs))
        self._found, self._made = None, ()

    def _take_over(self, parts: Sequence[PairsPart | ScreenedPart | BaselinesPart], wanted: set[ClassPair]) -> None:
        for part in parts:
            if isinstance(part, BaselinesPart):
                self._baselines[part.classes] = part
            elif wanted.issuperset(part.classes):
                self.parts.append(part)

    def say(self, text: str) -> None:
        """A line for the user."""
        self._tell(Notice(text=text))

    def use(self, part: PairsPart | ScreenedPart) -> None:
        """One of the parts is taken over."""
        self._used.update(part.classes)

    def baselines(self, pair: ClassPair) -> BaselinesPart | None:
        """The finished baselines of a pair, if there are any."""
        if pair in self._baselines:
            self._used.add(pair)
        return self._baselines.get(pair)

    def add(self, part: PairsPart | ScreenedPart | BaselinesPart) -> None:
        """A part is finished."""
        self._tell(PartDone(part=part))


def _is_full(pair: PairOutcome | ScreenedPair) -> bool:
    return isinstance(pair, PairOutcome) and pair.level == "full"


def facts_of(plan: Plan, subject: Subject, plugins: Sequence[Plugin] = ()) -> dict[str, str]:
    """All that the numbers of an audit depend on, by names that a user knows."""
    classifier, dataset = subject.classifier, subject.dataset
    model = plan.model.model_dump(mode="json", exclude=_NO_MODEL_FACT)
    settings = {**plan.model_dump(mode="json", exclude=_NO_FACT), **model}
    settings["save_instances"] = settings.pop("instances_folder") is not None
    return {
        "the tool's version": __version__,
        "the form of finished parts": form_of_parts(),
        "the installed packages": json.dumps(facts.environment()),
        "the model": str(subject.artefact.sha256),
        "the data": json.dumps([dataset.fingerprint, dataset.class_names, len(dataset.train), len(dataset.test)]),
        # What decides how sums are rounded.
        "the processor": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "the device": f"{classifier.device}, {subject.artefact.threads} threads",
        **facts_of_plugins(plugins),
        **{f"--{name.replace('_', '-')}": json.dumps(value) for name, value in settings.items()},
    }


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Names of the facts that are not equal, those of now first."""
    return [name for name in {**now, **before} if before.get(name) != now.get(name)]


def resumed(taken_over: Sequence[ClassPair], audited: int) -> list[Validity]:
    """That the numbers of these of the audited pairs are an interrupted run's; empty where all are this run's."""
    if not taken_over:
        return []
    listed = ", ".join(f"{a}:{b}" for a, b in taken_over[:5]) + (", ..." if len(taken_over) > 5 else "")
    said = (
        f"{len(taken_over):,} of {audited:,} class pairs were taken over, whole or in part, from an interrupted"
        f" run of the same user on the same machine: {listed}; with --no-resume this run makes them itself."
    )
    return [Validity(id="resumed", status="warn", message=said)]
