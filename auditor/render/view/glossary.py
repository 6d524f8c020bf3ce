"""Ten words."""

from __future__ import annotations

from auditor.render.view.page_parts import Term

GLOSSARY = [
    Term("Adversarial instance", "An input changed a little, so that the model says another class."),
    Term("Baseline", "A simpler way to the boundary, measured beside the main one for comparison."),
    Term("Boundary", "All inputs to which the model gives two classes equally."),
    Term("Boundary instance", "One such input, found by narrowing the segment between inputs of two classes."),
    Term(
        "Calibration", "Agreement of the model\N{RIGHT SINGLE QUOTATION MARK}s confidence with how often it is right."
    ),
    Term("Direction", "From one class to another; a pair of classes has two, and they can differ."),
    Term(
        "Embedding",
        "The numbers that enter the model\N{RIGHT SINGLE QUOTATION MARK}s last layer: its own description of an input.",
    ),
    Term(
        "Interval",
        "The range that holds the true value in 95 of 100 repetitions of the audit; open where so few samples say "
        "nothing.",
    ),
    Term("L2", "The length of a change: the root of the sum of squared pixel differences."),
    Term(
        "Margin",
        "The smallest change found that puts a sample in the other class; 0 where the model has it wrong already.",
    ),
]
