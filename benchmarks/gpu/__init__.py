"""Whether a GPU is used, whether it is right, and what it takes: ``python -m benchmarks.gpu``."""
