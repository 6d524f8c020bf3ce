"""The gate: from results, a policy and perhaps a baseline to a decision, and from two audits to their comparison.

What goes in: ``Results`` and the text of a policy, plain values. What comes out: a ``Gate``, a ``Comparison`` or the
text of a first policy. Pure functions throughout: nothing here reads a file, opens a model or imports torch.
"""
