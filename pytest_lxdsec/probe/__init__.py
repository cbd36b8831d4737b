"""Probes with throw-away instances: the trials of `--lxd-probe`.

`plan` lists the trials, `lxd_project` makes and removes the probe project and its instances over
the API, `injector_call` runs `injector` on the host over the shell, and `run` runs the trials and
returns the part `trials` of the evidence. The project is always removed: at the end of the run or,
if the run was killed, by the next one, which recognises it by the marker in its configuration.
"""
