"""What runs on the audited host, once, and brings back every host fact as one document.

Nothing here is imported by the rest of the package: `evidence.host` sends these files as text over
the shell, `loader` makes them importable there, and `main` runs. So they import the standard
library and each other, nothing else, and use nothing newer than Python 3.7: the host needs that
and root, no package of ours. What they bring back is decoded by `evidence.host_facts` and the
modules beside it, whose types have the names and fields of those here.

Three laws hold for every section. It changes nothing on the host. It fails alone: what could not
be read is a reason in the document, never a value that looks like an answer, and the other
sections go on. It ends: every file, command, connection and thread has a bound.

The kernel's side is read for all containers in one pass over /proc, so that the cost is that of
reading files, whatever the number of controls. A new control adds a field or a section: a function
from `context.Known` to something JSON can hold, and a line in `main.SECTIONS`.
"""
