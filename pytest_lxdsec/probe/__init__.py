"""Probes with throw-away instances: what `--lxd-probe` does beside reading.

`plan` says what must be tried, `stage` makes and removes our project and instances over the API,
`injector_call` brings `injector` to the host over the shell, and `run` does it all and brings back
the part `trials` of the evidence. Whatever happens, our objects are removed: at the end, and those
of a run that was killed by the next one, which knows them by the mark in the project's
configuration. Imports `evidence`, `firewall`, `transport`, and the pure modules.
"""
