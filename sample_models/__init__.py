"""Small trained classifiers to try the tool on, and the script that trains them."""
