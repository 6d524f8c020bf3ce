"""What is measured on a set of boundary instances: one file, one characteristic."""
