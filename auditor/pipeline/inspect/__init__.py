"""``inspect``: what a model's file says, how it fits the data, what an audit of it would cost."""
