"""How often the 95 % intervals hold what they are about: from populations with a known value, and over seeds."""
