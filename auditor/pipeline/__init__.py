"""One audit, end to end: plan -> worker process -> results.

What goes in: a ``Plan``, plain values that a command line or a program wrote. What comes out: ``Results`` and
``RunFacts``. ``run`` is the way through and happens in a process of its own (``child``), because a model file
is as good as code; the caller holds a ``worker.process.Worker`` and never touches the model.
"""
