"""Documents that others may have written, mutated by their structure, and the commands that read them: see __main__."""
