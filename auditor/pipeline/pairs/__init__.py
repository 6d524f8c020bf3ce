"""One class pair: which samples it starts from, what is generated, what is measured, what the results say of it."""
