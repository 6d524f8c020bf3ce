"""The onnx package's backend tests through our importer: ``python -m benchmarks.onnx_backend``."""
