"""TorchScript classifiers: torch runs them and gives native gradients."""
