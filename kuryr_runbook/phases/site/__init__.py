"""Site files: drafting one for a cloud and a cluster, and choosing one for notebooks."""
