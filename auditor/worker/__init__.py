"""The worker: the process that an audit runs in, the walls around it, and the journal of what it finished."""
