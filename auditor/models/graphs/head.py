"""The last layers of a classifier, found by walking back from its scores.

    embedding -> last linear layer -> logits -> link (softmax, sigmoid or none) -> score

Gradients are taken of the logits, because a saturated softmax has none; the embedding is the input of the
last linear layer. A convolution as last layer counts, its input averaged over the positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal

from auditor.documents.results import NotMeasured
from auditor.models.base import OutputKind
from auditor.models.graphs.protocol import ARITHMETIC, BOUNDED, EMBEDDING, LAYERS, PASSING, POOLS, Form, GraphView, V
from auditor.models.graphs.written_softmax import written_out

Link = Literal["none", "softmax", "sigmoid"]


@dataclass(frozen=True)
class Head(Generic[V]):
    """Where the interesting values of a classifier are.

    Args:
        logits: the scores before the link.
        link: what turns logits into scores.
        normalised: the rows of the scores are made to sum to 1, whatever the link.
        linear: the last linear layer was found.
        embedding: its input, or why there is none.
        form: how the embedding's tensor becomes ``(N, E)``.
    """

    logits: V
    link: Link
    normalised: bool
    linear: bool
    embedding: V | NotMeasured
    form: Form = "flat"

    @property
    def kind(self) -> OutputKind | None:
        """What the graph says of its scores; None where it ends in no layer that is known."""
        if self.link == "none":
            return "logits" if self.linear and not self.normalised else None
        return "sigmoid" if self.link == "sigmoid" and not self.normalised else "probabilities"

    @property
    def layered(self) -> bool:
        """Whether a last layer, a softmax or a sigmoid makes the scores."""
        return self.linear or self.link != "none"


def find_head(graph: GraphView[V], scores: V) -> Head[V]:
    """The head of the classifier with these scores."""
    logits, link, normalised = _before_link(graph, scores)
    found = _embedding(graph, logits)
    if isinstance(found, NotMeasured):
        return Head(logits, link, normalised, False, found)
    return Head(logits, link, normalised, True, *found)


def bounded_output(graph: GraphView[V], scores: V) -> bool | None:
    """Whether anything between the scores and the layers before them could have put them into [0, 1].

    One column of numbers between 0 and 1 may be the probability of the second of two classes, or a regressor whose
    targets happen to lie there. A classifier's graph shows a sigmoid, or what one is made of; a regressor's does not.

    Returns:
        None where the graph does not show it, because a branch, a loop or a call stands there.
    """
    seen, pending, hidden = {scores}, [scores], False
    while pending:
        made = graph.maker(pending.pop())
        if made.kind in LAYERS:
            continue
        if made.kind in BOUNDED:
            return True
        hidden = hidden or made.kind == "hidden"
        fresh = [source for source in made.inputs if source not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return None if hidden else False


def _before_link(graph: GraphView[V], scores: V) -> tuple[V, Link, bool]:
    """The value before the last softmax or sigmoid, which of them it is, and whether rows sum to 1 behind it."""
    made, logarithm, normalised = graph.maker(scores), False, False
    while True:
        kind = made.kind
        if kind == "log-softmax" or (kind == "softmax" and logarithm):
            return made.inputs[0], "none", False
        if kind == "softmax":
            return made.inputs[0], "softmax", True
        if kind == "sigmoid" and not logarithm:
            return made.inputs[0], "sigmoid", normalised
        if kind == "rows to 1":
            normalised = True
        elif kind == "log":
            logarithm = True
        elif (spelled := written_out(graph, made)) is not None:
            before, link = spelled
            return (before, "none", False) if logarithm else (before, link, normalised or link == "softmax")
        elif kind not in PASSING:
            return scores, "none", normalised
        made = graph.maker(made.inputs[0])


def _embedding(graph: GraphView[V], value: V, pooled: bool = False) -> tuple[V, Form] | NotMeasured:
    """The input of the last linear layer and its form, or the reason why the walk ended before one.

    Several heads whose scores are added or averaged, as after distillation, are one layer if they read one tensor.
    """
    while (made := graph.maker(value)).kind != "given":
        computed = [source for source in made.inputs if graph.varies(source)]
        if len(computed) > 1 and made.kind in ("add", "join"):
            heads = [_embedding(graph, source, pooled) for source in computed]
            if all(head == heads[0] and not isinstance(head, NotMeasured) for head in heads):
                return heads[0]
        if len(computed) != 1:
            return NotMeasured(not_measured=f"the last layers join two computed tensors in {made.operator} ({value})")
        if made.kind in EMBEDDING and computed[0] == made.inputs[0]:
            return graph.embedding(made, pooled)
        if made.kind not in PASSING | ARITHMETIC | POOLS | {"relu"}:
            end = f"no linear layer before {made.operator} ({value}) on the way back from the scores"
            return NotMeasured(not_measured=end)
        pooled, value = pooled or made.kind in POOLS, computed[0]
    return NotMeasured(not_measured=f"no linear layer between the scores and the input {value}")
