"""ONNX classifiers: ONNX Runtime predicts, a torch twin imported from the same graph gives gradients."""
