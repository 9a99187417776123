"""What a phase needs from earlier ones, read from cloud, cluster and registry each time."""
