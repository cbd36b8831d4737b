"""LXD's Security guide as executable tests.

Nothing is imported here: pytest loads this package at every start, also where no LXD host is
named, and an idle plugin costs nothing.
"""
