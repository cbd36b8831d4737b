"""What is known of the guide and of LXD's releases: names, anchors, dates; no sentence of it."""
