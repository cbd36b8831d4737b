"""One pytest run with hosts: options to hosts, hosts to tests, tests to results."""
