"""A results document for the tests of the report: SYNTHETIC numbers, drawn from a seed, about real digit images.

No model was trained and nothing was measured: ``synthetic_results`` makes plausible values whose order is known
(4 and 9, 3 and 8 are close, 0 and 1 are far), so that the tests can say what the report must and must not state.
"""

from __future__ import annotations

import base64
import io
from functools import cache
from itertools import combinations
from typing import Any, Literal

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from auditor.boundary.base import generators
from auditor.documents.older_results import better_of, scale_of
from auditor.documents.ranking_and_summary import ranking, summarise
from auditor.documents.results import (
    Baseline,
    ClassAccuracy,
    ClassProbability,
    Cost,
    Coverage,
    DataFacts,
    Definition,
    Direction,
    DistributionSeries,
    EmbeddingFact,
    Flagged,
    Gate,
    Generation,
    Group,
    Margins,
    Measure,
    Measured,
    ModelFacts,
    NotMeasured,
    Pair,
    Parity,
    Performance,
    ReliabilityBin,
    Results,
    SampleCell,
    SampleGrid,
    SampleRow,
    Samples,
    SampleTable,
    ScatterGroup,
    ScatterSeries,
    Settings,
    Sources,
    SplitSizes,
    StripSeries,
    Summary,
    ToolFacts,
    Validity,
)

WRONG = {(9, 4): 3, (4, 9): 1, (8, 3): 2, (1, 8): 1}
"""Mistakes on test samples, by label and prediction."""
CLOSE = {(4, 9): 0.42, (3, 8): 0.5, (1, 8): 0.62, (5, 9): 0.7, (3, 9): 0.72, (2, 3): 0.85}
Rng = np.random.Generator


def definition(title: str, unit: str, reading: str, headline: bool = False, **more: Any) -> Definition:
    """A definition with plain texts."""
    fields: dict[str, Any] = {
        **better_of(reading),
        "scale": scale_of(unit),
        "bounds": (0.0, 1.0),
        "formula": "mean over i of |x_i - b_i|_2 / (T - 1)",
        "text": f"What {title.lower()} means, in a sentence or two for a reader who meets it here for the first time.",
        "source": "arXiv 1912.11460",
    }
    return Definition(title=title, unit=unit, reading=reading, headline=headline, **(fields | more))


PER_CLASS = 36
"""Test samples of each class; the training split holds the same number of them that matter."""
L2, LINF = "L2, pixels in [0, 1]", "largest change of a pixel in [0, 1]"
FLAG = "wrong side of the linear separation"


def margin_definitions() -> dict[str, Definition]:
    """The margin on both splits, their gap and what is lost beforehand, as an audit defines them."""
    of = {"": "Margin", "_train": "Margin of training samples"}
    found = {
        f"margin_l2_attack{split}{end}": definition(
            f"{title}, L2{said}", L2, "higher is safer", not split and not end, bounds=(0.0, None)
        )
        for split, title in of.items()
        for end, said in (("", ""), ("_q05", ", 5 % quantile"), ("_q95", ", 95 % quantile"))
    }
    found["margin_l2_attack_gap"] = definition(
        "Margin of training samples less that of test samples, L2", L2, "near 0 is more general", bounds=(None, None)
    )
    for split, what in (("", "test samples"), ("_train", "training samples")):
        found[f"already_wrong{split}"] = definition(
            f"{what.capitalize()} that the model already puts elsewhere", f"share of {what}", "lower is better"
        )
    return found


DEFINITIONS = {
    **margin_definitions(),
    "margin_l2": definition("Distance to the generated instance, L2", L2, "neither is better", bounds=(0.0, None)),
    "margin_linf": definition("Distance to the generated instance, Linf", LINF, "neither is better"),
    "idc": definition(
        "Input-space complexity (IDC)",
        "share of steps",
        "lower is simpler",
        True,
        formula="mean over trajectories of #{i : c_i != c_(i+1)} / (T - 1)",
    ),
    "third_class_intrusion": definition("Third-class intrusion", "share of bisections", "lower is cleaner", True),
    "diversity": definition(
        "Diversity of boundary instances", "ratio", "higher is more varied", True, bounds=(0.0, None)
    ),
    "edc_boundary_accuracy": definition(
        "Embedding-space complexity (EDC): SVM accuracy on boundary instances",
        "share of boundary instances",
        "near 0.5 is simpler",
        True,
    ),
    "edc_train_accuracy": definition(
        "Embedding-space complexity (EDC): SVM accuracy on training samples",
        "share of training samples",
        "higher is simpler",
    ),
    "edc_train_distance_misclassified": definition(
        "Embedding-space complexity (EDC): distance of misclassified training samples",
        ("d / (1 + d) of the SVM's plane"),
        "lower is milder",
    ),
    "asymmetry_margin": definition(
        "Asymmetry of the margin",
        "relative difference",
        "lower is more even",
        scope="pair",
        formula="|a - b| / (a + b)",
    ),
}
BASELINE_MEASURES = ("margin_l2", "margin_linf", "idc", "third_class_intrusion", "diversity", "edc_boundary_accuracy")


def measure(id: str, value: float, half: float, n: int) -> Measure:
    """A measure with a symmetric interval inside the bounds of its definition."""
    d = DEFINITIONS[id]
    low, high = d.bounds
    ends = (max(value - half, low if low is not None else -1e9), min(value + half, high if high is not None else 1e9))
    return Measure(value=value, ci_low=ends[0], ci_high=ends[1], n=n, unit=d.unit, scale=d.scale)


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Real digits: pixels ``(N, 8, 8)`` in [0, 1], labels ``(N,)``."""
    data = load_digits()
    return data.images / 16.0, data.target


def png(pixels: np.ndarray) -> str:
    """An image in [0, 1], ``(H, W)`` or ``(H, W, 3)``, as base64 PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.clip(np.round(pixels * 255), 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def cell(role: Any, pixels: np.ndarray, top: list[tuple[int, float]]) -> SampleCell:
    """A cell of a grid."""
    return SampleCell(role=role, png=png(pixels), top=[ClassProbability(index=i, probability=p) for i, p in top])


def sample_grid(source: int, target: int, rng: Rng) -> SampleGrid:
    """Real digits, and straight mixtures of two of them as boundary images."""
    images, labels = digits()
    of_source, of_target = images[labels == source % 10], images[labels == target % 10]
    rows = []
    for label, spread in (("typical", 0.5), ("nearest", 0.3), ("farthest", 0.7), ("strangest", 0.5)):
        x, y = of_source[rng.integers(len(of_source))], of_target[rng.integers(len(of_target))]
        boundary = (1 - spread) * x + spread * y
        p = float(rng.uniform(0.7, 0.99))
        cells = [
            cell("source", x, [(source, 0.9993), (target, 0.0004)]),
            cell("adversarial", 0.25 * x + 0.75 * y, [(target, p), (source, 1 - p)]),
            cell("adversarial_of_adversarial", 0.6 * x + 0.4 * y, [(source, p), (target, 1 - p)]),
            cell("boundary", boundary, [(source, 0.4821), (target, 0.482)]),
            cell("difference", (boundary - x) / 2 + 128 / 255, []),
        ]
        rows.append(SampleRow(label=label, distance=float(np.linalg.norm(boundary - x)), cells=cells))  # type: ignore[arg-type]
    return SampleGrid(height=8, width=8, rows=rows)


def series(source: int, target: int, margin: float, rng: Rng, third: int | None, embedding: bool) -> dict[str, Any]:
    """What stands behind the figures of a direction."""
    found_margins = {split: np.array(margins(source, target, margin, split).l2) for split in ("test", "train")}
    rows = []
    for _ in range(5):
        row, edges = np.full(50, source), sorted(rng.integers(3, 47, 3))
        row[edges[0] : edges[1]] = target
        if third is not None and rng.random() < 0.5:
            row[edges[1] : edges[2]] = third
        rows.append([int(c) for c in row])
    found: dict[str, Any] = {
        "margins_l2": DistributionSeries(
            title="Distances in L2",
            unit=L2,
            groups=[
                Group(label="test samples", role="source", values=rounded(found_margins["test"])),
                Group(
                    label="training samples",
                    role="neutral",
                    values=rounded(found_margins["train"]),
                ),
                Group(
                    label="boundary instances", role="boundary", values=rounded(rng.gamma(12, margin * 2.2 / 12, 200))
                ),
            ],
        ),
        "idc_trace": StripSeries(
            title="Predicted class along segments between boundary instances", x_label="point on the segment", rows=rows
        ),
    }
    if embedding:
        found["embedding_projection"] = projection(rng)
    return found


TRAIN_FACTOR = 1.2
"""How much larger the margins of training samples are."""


def margins(source: int, target: int, margin: float, split: Any) -> Margins:
    """Margins of the samples of the source class, their median as given; those that the model gets wrong have 0."""
    rng = np.random.default_rng([source, target, split == "train"])
    l2 = np.sort(rng.gamma(10, 1, PER_CLASS))
    wrong = sum(WRONG.get((source, j), 0) for j in range(10)) if split == "test" else 0
    l2[:wrong] = 0.0
    l2 *= margin * (TRAIN_FACTOR if split == "train" else 1.0) / np.median(l2)
    # The first samples of a class are those that the model gets wrong.
    return Margins(
        index=list(range(source * PER_CLASS, (source + 1) * PER_CLASS)),
        l2=rounded(l2),
        linf=rounded(l2 * 0.1),
        tried_l2=None,
        tried_linf=None,
        method="minimal-norm attack along gradients",
    )


def projection(rng: Rng) -> ScatterSeries:
    """Three clouds and a line."""
    spots = {"train_source": (-2.0, 60), "train_target": (2.0, 60), "boundary": (0.0, 60)}
    return ScatterSeries(
        title="Embeddings across the plane of the linear SVM",
        x_label="signed distance from the SVM's plane (source left, target right)",
        y_label="first principal component within the plane",
        groups=[
            ScatterGroup(
                label=role,
                role=role,
                points=[(float(x), float(y)) for x, y in rng.normal((spot, 0), (0.4, 1.2), (n, 2)).round(3)],
            )  # type: ignore[arg-type]
            for role, (spot, n) in spots.items()
        ],
        line=[(0.0, -3.0), (0.0, 3.0)],
    )


def rounded(values: np.ndarray) -> list[float]:
    return [round(float(v), 4) for v in values]


def generation(requested: int, lost: dict[int, int]) -> Generation:
    """Counts of a generator that lost some searches to third classes."""
    boundary = requested - sum(lost.values())
    rate = share(boundary, requested, "share of sources")
    return Generation(
        requested=requested,
        adversarial=requested,
        adversarial_of_adversarial=requested,
        boundary=boundary,
        success_rate=rate,
        mean_bisection_steps=14.3,
        max_probability_gap=9.2e-5,
        third_class={str(k): v for k, v in lost.items()},
        failures={"a third class led between the ends": sum(lost.values())} if lost else {},
    )


def direction(
    source: int, target: int, margin: float, classes: int, rng: Rng, *, images: bool, embedding: bool
) -> Direction:
    """One direction with its baselines."""
    lost: dict[int, int] = {}
    if (source, target) == (3, 8) and classes > 9:
        lost = {9: 14, 5: 6}
    no_embedding = NotMeasured(not_measured="the model has no embedding")
    low, high = (float(np.quantile(margins(source, target, margin, "test").l2, level)) for level in (0.05, 0.95))
    values: dict[str, Measured] = {
        "margin_l2_attack": measure("margin_l2_attack", margin, 0.04, PER_CLASS),
        "margin_l2_attack_q05": opened("margin_l2_attack_q05", low, None, low + 0.2 * margin),
        "margin_l2_attack_q95": opened("margin_l2_attack_q95", high, high - 0.3 * margin, None),
        "margin_l2_attack_train": measure("margin_l2_attack_train", margin * TRAIN_FACTOR, 0.04, PER_CLASS),
        "margin_l2_attack_gap": measure("margin_l2_attack_gap", margin * (TRAIN_FACTOR - 1), 0.06, 2 * PER_CLASS),
        "already_wrong": share(
            sum(margins(source, target, margin, "test").l2[i] == 0 for i in range(PER_CLASS)),
            PER_CLASS,
            "share of test samples",
        ),
        "already_wrong_train": share(0, PER_CLASS, "share of training samples"),
        "margin_l2": measure("margin_l2", margin * 2.2, 0.06, 200),
        "margin_linf": measure("margin_linf", min(margin * 0.4, 0.9), 0.01, 200),
        "idc": measure("idc", 0.021 + 0.01 / margin, 0.003, 400),
        "third_class_intrusion": measure("third_class_intrusion", sum(lost.values()) / 200, 0.03, 200),
        "diversity": measure("diversity", float(rng.uniform(0.7, 0.95)), 0.04, 200),
        "edc_boundary_accuracy": measure("edc_boundary_accuracy", float(rng.uniform(0.35, 0.6)), 0.06, 200),
        "edc_train_accuracy": measure("edc_train_accuracy", 0.993 if margin < 0.5 else 1.0, 0.005, 287),
        "edc_train_distance_misclassified": NotMeasured(not_measured="no training embedding is misclassified"),
    }
    if not embedding:
        values |= {id: no_embedding for id in values if id.startswith("edc")}
    baselines = {id: m for id, m in values.items() if id in BASELINE_MEASURES}
    of_rpbs = {7: 11} if classes > 7 and 7 not in (source, target) else {}
    third = {
        count: baselines | {"third_class_intrusion": measure("third_class_intrusion", count / 200, 0.03, 200)}
        for count in (0, sum(of_rpbs.values()))
    }
    return Direction(
        source=source,
        target=target,
        sources=Sources(split="train", index=list(range(source * PER_CLASS, (source + 1) * PER_CLASS))),
        margins={split: margins(source, target, margin, split) for split in ("test", "train")},
        flagged=[Flagged(flag=FLAG, split="train", index=[source * PER_CLASS + 3, source * PER_CLASS + 7])]
        if embedding and margin < 0.5
        else [],
        generation=generation(200, lost),
        baselines={
            "rpbs": Baseline(generation=generation(200, of_rpbs), characteristics=third[sum(of_rpbs.values())]),
            "epbs": Baseline(generation=generation(200, {}), characteristics=third[0]) if embedding else no_embedding,
        },
        characteristics=values,
        series=series(source, target, margin, rng, 5 if classes > 5 and 5 not in (source, target) else None, embedding),
        samples=sample_grid(source, target, rng)
        if images
        else NotMeasured(not_measured=("the instances are vectors that are no image")),
    )


def pair(a: int, b: int, names: list[str], rng: Rng, **options: Any) -> Pair:
    """Both directions; the second is a little farther."""
    forth = CLOSE.get((a, b), 1.1 + 0.11 * ((3 * a + 7 * b) % 11)) + round(float(rng.uniform(0, 0.02)), 4)
    back = forth * (1.6 if (a, b) == (4, 9) else 1.1)
    relative = (back - forth) / (back + forth)
    return Pair(
        classes=(a, b),
        names=(names[a], names[b]),
        directions=[
            direction(a, b, forth, len(names), rng, **options),
            direction(b, a, back, len(names), rng, **options),
        ],
        characteristics={"asymmetry_margin": measure("asymmetry_margin", relative, 0.04, 128)},
    )


def performance(names: list[str], rng: Rng) -> Performance:
    """36 test samples a class; 9 and 4, 8 and 3 are confused."""
    n = len(names)
    confusion = [[36 if i == j else 0 for j in range(n)] for i in range(n)]
    for (i, j), wrong in WRONG.items():
        if max(i, j) < n:
            confusion[i][i] -= wrong
            confusion[i][j] += wrong
    right, total = sum(confusion[i][i] for i in range(n)), 36 * n
    per_class = [
        ClassAccuracy(index=i, name=names[i], accuracy=share(confusion[i][i], 36, "share of test samples"))
        for i in range(n)
    ]
    bins = [ReliabilityBin(low=k / 10, high=(k + 1) / 10, confidence=None, accuracy=None, n=0) for k in range(4)] + [
        ReliabilityBin(
            low=k / 10,
            high=(k + 1) / 10,
            confidence=k / 10 + 0.055,
            accuracy=min(k / 10 + 0.02 * (k - 4), 1.0),
            n=count,
        )
        for k, count in ((4, 3), (5, 6), (6, 9), (7, 15), (8, 31), (9, max(total - 64, 1)))
    ]
    ece = Measure(value=0.0131, ci_low=0.008, ci_high=0.021, n=total, unit="share", scale="share")
    return Performance(
        accuracy=share(right, total, "share of test samples"),
        per_class=per_class,
        confusion=confusion,
        ece=ece,
        calibration=Measure(
            value=0.21,
            ci_low=None,
            ci_high=None,
            n=total,
            unit="probability (p) under perfect calibration",
            scale="number",
        ),
        reliability=bins,
    )


def opened(id: str, value: float, low: float | None, high: float | None) -> Measure:
    """A quantile of so few samples that nothing is known on one side of it."""
    d = DEFINITIONS[id]
    return Measure(value=value, ci_low=low, ci_high=high, n=PER_CLASS, unit=d.unit, scale=d.scale)


def share(right: int, n: int, unit: str) -> Measure:
    """A share with Wilson's interval."""
    p, z = right / n, 1.959964
    middle, half = (
        (p + z * z / 2 / n) / (1 + z * z / n),
        z * np.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n),
    )
    return Measure(
        value=p,
        ci_low=max(float(middle - half), 0.0),
        ci_high=min(float(middle + half), 1.0),
        n=n,
        unit=unit,
        scale="share",
    )


def samples(names: list[str], files: bool) -> Samples:
    """The whole test split, class after class, mistakes first; of the training split as many, all right."""

    def table(split: str) -> SampleTable:
        label = [c for c in range(len(names)) for _ in range(PER_CLASS)]
        predicted = list(label)
        if split == "test":
            for c in range(len(names)):
                wrong = [j for (i, j), n in WRONG.items() if i == c and j < len(names) for _ in range(n)]
                predicted[c * PER_CLASS : c * PER_CLASS + len(wrong)] = wrong
        right = [a == b for a, b in zip(label, predicted, strict=True)]
        return SampleTable(
            index=list(range(len(label))),
            file=[f"{split}/{names[c]}/{i:04d}.png" for i, c in enumerate(label)] if files else [],
            label=label,
            predicted=predicted,
            p_label=[0.9812 if ok else 0.2104 for ok in right],
            logit_margin=[3.2507 if ok else -1.0833 for ok in right],
            runner_up=[(c + 1) % len(names) if ok else p for c, p, ok in zip(label, predicted, right, strict=True)],
        )

    return Samples(test=table("test"), train=table("train"))


def summary(pairs: list[Pair], ranked_by: str = "margin_l2_attack") -> Summary:
    """Means, worst places and the ranking, by any measure."""
    found = summarise(pairs, DEFINITIONS)
    return found.model_copy(update={"ranking": ranking(pairs, ranked_by), "ranked_by": ranked_by})


CHECKS = {
    "parity": "The gradient route agrees with the runtime.",
    "accuracy": "Accuracy is far above chance.",
    "output_finite": "All outputs are finite.",
    "batch_consistency": "Scores do not depend on the batch.",
    "gradient": "Gradients arrive.",
    "gradient_masking": "Other routes find no nearer points.",
    "coverage": "All pairs asked for were audited.",
    "generation": "Most sources reached the boundary.",
    "jumps": "The two classes tie in every boundary instance.",
    "sources": "Each direction has at least 30 sources.",
    "diversity": "The boundary instances differ from each other.",
}


def errors_covered(names: list[str], chosen: list[tuple[int, int]]) -> Measured:
    """The share of the mistakes that lie between audited pairs."""
    wrong = {c: n for c, n in WRONG.items() if max(c) < len(names)}
    if not wrong:
        return NotMeasured(not_measured="the model makes no error on the test split")
    covered = sum(n for (a, b), n in wrong.items() if (min(a, b), max(a, b)) in chosen)
    return share(covered, sum(wrong.values()), "share of test errors")


def synthetic_results(
    *,
    names: list[str] | None = None,
    chosen: list[tuple[int, int]] | None = None,
    images: bool = True,
    embedding: bool = True,
    report_pairs: int = 10,
    seed: int = 7,
    files: bool = False,
) -> Results:
    """The whole document.

    Args:
        names: class names, ten digits by default.
        chosen: class pairs, all by default.
        images: whether instances are images.
        embedding: whether the model has an embedding.
        files: whether the samples are files of an image folder.
    """
    rng = np.random.default_rng(seed)
    names = names or [str(i) for i in range(10)]
    wanted = chosen if chosen is not None else list(combinations(range(len(names)), 2))
    pairs = [pair(a, b, names, rng, images=images, embedding=embedding) for a, b in wanted]
    no_embedding = NotMeasured(not_measured="no linear layer was found before the scores")
    return Results(
        schema_version="3.0",
        tool=ToolFacts(name="deepdig-audit", version="0.1.0"),
        model=ModelFacts(
            file="synthetic_test_model.onnx",
            format="ONNX, opset 17",
            sha256="30432b1a1417356c65558566f7cf8cc9f40658592ab4a8592799b4ae7f9f1d93",
            size_bytes=56942,
            num_classes=len(names),
            input_shape=[1, 8, 8] if images else [64],
            output_kind="logits",
            runtime="ONNX Runtime 1.31.1, CPUExecutionProvider",
            gradient="torch twin of the graph",
            parity=Parity(max_abs_diff=2.4e-6, agreement=1.0, n=256),
            embedding=EmbeddingFact(name="/head/Relu_output_0", size=48) if embedding else no_embedding,
            preprocessing="none: pixels in [0, 1], channels first",
        ),
        data=DataFacts(
            name="digits",
            fingerprint="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            class_names=names,
            splits=SplitSizes(train=1437, test=PER_CLASS * len(names)),
            skipped=[],
            notes=[("Synthetic numbers for tests; no model was audited.")],
        ),
        settings=Settings(
            profile="standard",
            seed=0,
            device="cpu",
            generator="deepdig",
            pairs="all",
            samples_per_class=400,
            report_pairs=report_pairs,
            command=("deepdig-audit synthetic_test_model.onnx --data digits --profile standard --seed 0"),
            parameters={
                "generator": ("DeepDIG(training=Training(network='residual', steps=200), beta=0.0001, max_steps=60)"),
                "characteristic idc": "InputSpaceComplexity(partners=50, points=50)",
            },
        ),
        environment={"python": "3.11.7", "torch": "2.13.0", "onnxruntime": "1.31.1"},
        validity=[Validity(id=id, status="ok", message=message) for id, message in CHECKS.items()],
        performance=performance(names, rng),
        samples=samples(names, files),
        coverage=Coverage(
            possible=len(names) * (len(names) - 1) // 2,
            requested=len(pairs),
            audited=len(pairs),
            chosen="by name",
            errors_covered=errors_covered(names, [pair.classes for pair in pairs]),
        ),
        pairs=pairs,
        summary=summary(pairs),
        definitions=DEFINITIONS,
        generators={name: kind.definition for name, kind in generators.items()},
        cost=Cost(forward=4_812_332, backward=1_204_551),
        gate=Gate(status="not_configured", rules=[]),
    )


Status = Literal["ok", "warn", "fail"]


def flagged(results: Results, status: Status, message: str) -> Results:
    """The same results with one more validity flag."""
    return results.model_copy(
        update={"validity": [*results.validity, Validity(id="test", status=status, message=message)]}
    )


def agreeing(results: Results) -> Results:
    """Changed results with everything that follows from the change, as an audit would write them."""
    names, pairs = results.data.class_names, results.pairs
    pairs = [pair.model_copy(update={"names": (names[pair.classes[0]], names[pair.classes[1]])}) for pair in pairs]
    per_class = [c.model_copy(update={"name": names[c.index]}) for c in results.performance.per_class]
    coverage = results.coverage.model_copy(
        update={"audited": len(pairs), "errors_covered": errors_covered(names, [pair.classes for pair in pairs])}
    )
    least: dict[str, Status] = {"coverage": "warn"} if coverage.partial else {}
    least |= {} if pairs else {"generation": "fail"}
    validity = [
        check.model_copy(update={"status": least[check.id]}) if check.status == "ok" and check.id in least else check
        for check in results.validity
    ]
    return results.model_copy(
        update={
            "pairs": pairs,
            "performance": results.performance.model_copy(update={"per_class": per_class}),
            "coverage": coverage,
            "validity": validity,
            "summary": summary(pairs, results.summary.ranked_by),
        }
    )


SPENT = "the time budget was spent"


def screened(results: Results, *screened: tuple[int, int]) -> Results:
    """The results of an audit whose time was spent after these pairs had been screened."""
    nothing = NotMeasured(not_measured=f"{SPENT} after the screening")

    def of(direction: Direction) -> Direction:
        kept = {id: m for id, m in direction.characteristics.items() if id in ("margin_l2_attack", "already_wrong")}
        none = dict.fromkeys(direction.characteristics, nothing)
        return direction.model_copy(
            update={
                "generation": Generation(
                    requested=0, adversarial=0, adversarial_of_adversarial=0, boundary=0, success_rate=nothing,
                    mean_bisection_steps=nothing, max_probability_gap=nothing, third_class={}, failures={},
                ),
                "sources": Sources(split="train", index=[]),
                "margins": {"test": direction.margins["test"]},
                "characteristics": none | kept,
                "baselines": dict.fromkeys(direction.baselines, nothing),
                "by_generator": {}, "series": {}, "flagged": [], "samples": nothing,
            }
        )  # fmt: skip

    pairs = [
        p if p.classes not in screened else p.model_copy(
            update={"level": "screened", "directions": [of(d) for d in p.directions],
                    "characteristics": dict.fromkeys(p.characteristics, nothing)}
        )
        for p in results.pairs
    ]  # fmt: skip
    full = len(pairs) - len(screened)
    levels = {level: n for level, n in (("screened", len(screened)), ("full", full)) if n}
    reason = f"{SPENT}: {full} pairs in full, {len(screened)} only screened"
    coverage = results.coverage.model_copy(update={"levels": levels, "shallow": list(screened), "reason": reason})
    return agreeing(results.model_copy(update={"pairs": pairs, "coverage": coverage}))
