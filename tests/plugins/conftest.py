"""The distributions here are installed by tests, never imported into their process."""

collect_ignore = ["distributions"]
