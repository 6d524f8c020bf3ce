"""One walk over the graphs of all model formats: from the scores back to the logits and to the last linear layer.

What goes in: a ``GraphView``, which each format's own ``graph`` makes of its graph. What comes out: ``Head``.
"""
