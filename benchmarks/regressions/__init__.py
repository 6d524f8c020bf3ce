"""What the gate of a first policy stops: nothing under other seeds, and which planted regressions of which size.

``audits`` runs the command and keeps what it wrote; ``flake`` judges one unchanged model under many seeds; ``spread``
says how much more its numbers vary than their intervals claim; ``planted`` makes worse models and ``detection`` judges
them; ``power`` draws audits of which the difference is known. Each has its section of ``benchmarks/regressions.md``.
"""
