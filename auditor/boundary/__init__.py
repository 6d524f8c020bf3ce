"""Ways to obtain boundary instances: DeepDIG, its baselines RPBS and EPBS, a minimal-norm attack."""
