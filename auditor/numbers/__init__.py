"""Numbers without tensors: intervals, tests, paired differences, and the names of class pairs."""
