"""The model as a whole: its predictions, how good they are, whether labels, pixels and outputs can be believed."""
