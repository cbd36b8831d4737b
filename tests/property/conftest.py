"""Hypothesis on a machine that others use as well: a slow example is no failed one."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("lxdsec", parent=settings(), deadline=None)
settings.load_profile("lxdsec")
