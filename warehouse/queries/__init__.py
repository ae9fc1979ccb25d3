"""Questions that pages and reports ask: each a function of the lake that returns a frame.

Times are instants in UTC; days are local. An organisation sees its own rows only.
"""
