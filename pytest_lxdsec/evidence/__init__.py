"""Evidence: the facts about one server as one frozen value, gathered once, saved and replayed.

`model` declares the value, `gather` fills it (the plan), `host_sweep` sends the sweep to the host
and reads its answer, `redact` keeps secrets out, `evidence_file` writes and reads it. Nothing here
judges.
"""
