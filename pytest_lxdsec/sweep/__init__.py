"""The sweep: it runs on the audited host, once, and returns every host fact as one document.

The rest of the package does not import it: `evidence.host_sweep` sends these files as text over
the shell, `loader` makes them importable there, and `main` runs. So they import only the standard
library and each other, and use nothing newer than Python 3.7: the host needs that and root, and
nothing of this package. `evidence.host_facts` and the modules beside it decode the answer; their
types have the names and fields of the types here.

Three laws hold for every section. It changes nothing on the host. It fails alone: what cannot be
read is an error in the document, never a value that looks like an answer, and the other sections
go on. It ends: every file, command, connection and thread has a bound.

All containers are read in one pass over /proc, so that the cost is that of reading files, whatever
the number of controls. A new control adds a field or a section: a function from `context.Context`
to a value for JSON, its line in `main.SECTIONS`, and the part in `evidence.model`.
"""
