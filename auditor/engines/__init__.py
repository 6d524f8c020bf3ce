"""Where an audit's tasks are done when that is not this machine alone: a cluster of Ray.

In: a plan, the file that the main worker shares, tasks. Out: parts, made by the same sandboxed workers on the nodes.
"""
