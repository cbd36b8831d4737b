"""The site's policy file and its waivers; a site's own tests import `Policy` from here."""

from .policy_file import Policy

__all__ = ["Policy"]
