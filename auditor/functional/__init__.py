"""Pure tensor functions: no classes, no files, no global state."""
