"""Facts about the remote API; decoded by `evidence.remote_facts`."""
