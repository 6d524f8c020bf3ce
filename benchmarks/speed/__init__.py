"""What an audit costs, against the published algorithm, against the model itself, and as it grows."""
