"""Facts about the operating system; decoded by `evidence.system_facts`."""
