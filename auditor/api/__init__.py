"""What a program asks the tool for, as the command line does: audits, gates, comparisons, reports.

``jobs`` has the functions and ``audits`` what they return; the rest is how they do it. Importing this loads nothing.
"""
