"""What was seen of one server, as one frozen value: gathered once, saved, replayed, judged.

`model` says what the value looks like, `gather` makes it (the plan), `host` carries the sweep to
the host and reads what it brings back, `redact` keeps secrets out, `evidence_file` writes and
reads it. Nothing here judges.
"""
