"""The minimal-norm attack against the best known margins: ``python -m benchmarks.attack_optimality``."""
