"""Documents: plain typed values that cross process boundaries and stand in files, all of them without torch."""
