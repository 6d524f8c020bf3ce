"""ONNX operators as torch computations, one family a module; each registers itself."""
