"""Data in: a known name or a path becomes one ``Dataset`` with a train and a test split."""
