"""Sessions of pytest inside of tests."""

from __future__ import annotations

# pytester forgets what a session in this process imports, and would import it anew for the next:
# two classes of one name. Loaded here, the package is the same for all.
from pytest_lxdsec.session import hooks  # noqa: F401 - as above
