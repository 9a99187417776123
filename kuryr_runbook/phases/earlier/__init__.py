"""What a phase needs of those before it, read from cloud, cluster and registry each time."""
