"""What LXD's strings and versions mean; knows no evidence."""
