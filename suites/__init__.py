"""LXD's Security guide, section by section, each control a test; imports `pytest_lxdsec` only."""
