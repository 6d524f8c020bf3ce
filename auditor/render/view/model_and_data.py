"""The model and its data: card, accuracy, confusion, calibration."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from auditor.documents.results import NotMeasured
from auditor.render.figures import confusion, ranking, reliability
from auditor.render.figures.ranking import Dot, RankedRow
from auditor.render.names import display_name, display_text
from auditor.render.rounding import count, number, percent, plural, shown, size
from auditor.render.view.lookups import Audit, measured
from auditor.render.view.page_parts import Cell, Column, Figure, Sentence, Table, Term
from auditor.render.view.summary_words import CHANCE, weakest

CLASSES_SHOWN = 30
CONFUSION_UP_TO = 20
TIMES = " \N{MULTIPLICATION SIGN} "
KINDS = {"logits": "logits (before a softmax)", "probabilities": "probabilities", "sigmoid": "one sigmoid"}


@dataclass(frozen=True)
class Facts:
    """The section on the model and its data."""

    model: list[Term]
    data: list[Term]
    intro: Sentence
    figures: list[Figure]
    tables: list[Table]


def facts(audit: Audit) -> Facts:
    """The section, from the results."""
    figures = [_per_class(audit), _confusion(audit), _reliability(audit)]
    tables = [_most_confused(audit)] if len(audit.names) > CONFUSION_UP_TO else []
    return Facts(
        _model(audit),
        _data(audit),
        _intro(audit),
        [f for f in figures if f is not None],
        [table for table in tables if table is not None],
    )


def _model(audit: Audit) -> list[Term]:
    model = audit.results.model
    parity = "not measured: " + display_text(model.parity.not_measured) if isinstance(model.parity, NotMeasured) else (
        f"largest difference {number(model.parity.max_abs_diff)}, same class on {percent(model.parity.agreement)} of "
        f"{count(model.parity.n)} samples"
    )  # fmt: skip
    embedding = "none: " + display_text(model.embedding.not_measured) if isinstance(model.embedding, NotMeasured) else (
        f"{display_name(model.embedding.name)}, {count(model.embedding.size)} numbers wide"
    )  # fmt: skip
    gradient = model.gradient.not_measured if isinstance(model.gradient, NotMeasured) else model.gradient
    return [
        Term(
            "Object" if model.in_memory else "File",
            f"{audit.model_name} ({display_name(model.format)}, {size(model.size_bytes)})",
        ),
        Term(audit.digest_name, model.digest(), code=True),
        Term("Input", TIMES.join(count(n) for n in model.input_shape) + " in [0, 1]"),
        Term("Preprocessing", display_text(model.preprocessing)),
        Term("Output", f"{plural(model.num_classes, 'class', 'classes')}, {KINDS[model.output_kind]}"),
        Term("Predictions by", display_text(model.runtime)),
        Term("Gradients by", display_text(gradient)),
        Term("Agreement of the two", parity),
        Term("Embedding", embedding),
    ]


def _data(audit: Audit) -> list[Term]:
    data = audit.results.data
    terms = [
        Term("Data", audit.data_name),
        Term("Samples", f"{count(data.splits.train)} for training, {count(data.splits.test)} for testing"),
        Term("Fingerprint", data.fingerprint, code=True),
    ]
    terms += [Term("Note", display_text(note)) for note in data.notes]
    if data.skipped:
        first = data.skipped[0]
        reason = f"{display_name(first.file)}: {display_text(first.reason, 120)}"
        terms.append(Term("Skipped", f"{plural(len(data.skipped), 'unreadable file')}, the first {reason}"))
    return terms


def _intro(audit: Audit) -> Sentence:
    performance = audit.results.performance
    accuracy, ece = measured(performance.accuracy), measured(performance.ece)
    if accuracy is None:
        return Sentence("The accuracy of the model was not measured.")
    text = f"The model is right on {shown(accuracy).full} of {count(accuracy.n)} test samples."
    if ece is not None:
        text += (
            f" Its confidence differs from its accuracy by {shown(ece).full} on average (expected calibration error)"
            f"{_by_chance(audit)}."
        )
    return Sentence(text)


def _by_chance(audit: Audit) -> str:
    """How often a perfectly calibrated model would show as much."""
    chance = measured(audit.results.performance.calibration)
    if chance is None:
        return ""
    return f"; a perfectly calibrated model shows as much in {percent(chance.value)} of such test sets"


def _per_class(audit: Audit) -> Figure | None:
    entries = [(audit.name(c.index), m) for c in audit.results.performance.per_class if (m := measured(c.accuracy))]
    overall = measured(audit.results.performance.accuracy)
    if not entries or overall is None:
        return None
    entries.sort(key=lambda item: item[1].value)
    name, worst = entries[0]
    rows = [RankedRow(label, [Dot(m.value, m.low, m.high)]) for label, m in entries[:CLASSES_SHOWN]]
    cut = f" The {CLASSES_SHOWN} classes recognised least often." if len(entries) > CLASSES_SHOWN else ""
    title = "No class is recognised clearly less often than the others"
    if (least := weakest(audit)) is not None:
        who = audit.name(least.first.classes[0])
        title = (
            f"{who} is recognised least often, {shown(worst).value} of the time" if least.alone
            else f"{who} is {least.among('recognised least often')}, {shown(worst).value} of the time"
        )  # fmt: skip
    alt = f"Accuracy of each class with intervals. Lowest: {name}, {shown(worst).full}. Overall {shown(overall).value}."
    svg = ranking.draw(
        rows,
        "accuracy on test samples, %",
        alt,
        True,
        (overall.value, f"all classes {shown(overall).value}"),
        zero=False,
    )
    caption = f"Each dot is the accuracy on the test samples of one class, the stroke its 95 % interval.{cut}"
    return Figure(Markup(svg), title, caption, wide=True)


def _confusion(audit: Audit) -> Figure | None:
    counts = audit.results.performance.confusion
    if not 2 <= len(counts) <= CONFUSION_UP_TO:
        return None
    wrong = [(counts[i][j], i, j) for i in range(len(counts)) for j in range(len(counts)) if i != j]
    most, i, j = max(wrong, key=lambda item: (item[0], -item[1], -item[2]))
    total = sum(w for w, _, _ in wrong)
    if not most:
        title = "No test sample is taken for another class"
    elif sum(w == most for w, _, _ in wrong) == 1:
        title = f"{count(most)} of {plural(total, 'mistake')}: {audit.name(i)} taken for {audit.name(j)}"
    else:
        title = f"{plural(total, 'mistake')} on {plural(sum(map(sum, counts)), 'test sample')}, no kind stands out"
    caption = (
        "Rows are true classes, columns what the model says; the more often, the more a cell stands out from the "
        "page, on a logarithmic scale. "
        "The diagonal counts what is right and is not shaded."
    )
    return Figure(
        Markup(confusion.draw(audit.names[: len(counts)], counts, f"Confusion matrix. {title}.")), title, caption
    )


def _most_confused(audit: Audit) -> Table | None:
    counts = audit.results.performance.confusion
    wrong = sorted(
        ((n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j and n),
        key=lambda w: (-w[0], w[1:]),
    )[:12]
    if not wrong:
        return None
    columns = [Column("True class", numeric=False), Column("Taken for", numeric=False), Column("Test samples")]
    rows = [[Cell(audit.name(i)), Cell(audit.name(j)), Cell(count(n), sort=str(n))] for n, i, j in wrong]
    return Table("The mistakes made most often", columns, rows, sortable=True)


def _reliability(audit: Audit) -> Figure | None:
    performance = audit.results.performance
    bins, ece, chance = performance.reliability, measured(performance.ece), measured(performance.calibration)
    filled = [b for b in bins if b.n]
    if not filled:
        return None
    title = "Confidence and accuracy"
    if ece is not None:
        title = f"Confidence misses accuracy by {shown(ece).value} on average"
        if chance is not None and chance.value > CHANCE:
            title += ", no more than chance"
    caption = (
        "Test samples in groups of like confidence, larger dots for more samples. On the dashed line "
        "confidence is earned; below it the model is "
        "overconfident. Below: how many samples have which confidence."
    )
    return Figure(Markup(reliability.draw(bins, f"Reliability diagram. {title}.")), title, caption)
