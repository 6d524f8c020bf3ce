"""Model files in, one ``Classifier`` out: the only home of devices and preprocessing."""
