"""What is told of results: the record that travels with a test's report, and its readers."""
