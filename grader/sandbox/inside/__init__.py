"""
What runs behind the wall: bound read-only into it as the package `inside`; the trusted side reads its
messages, frames and values too, so that both sides share one description of what crosses.

Nothing here knows a check, a reference or a path of the course, and nothing here is trusted once a cell
has run.
"""
