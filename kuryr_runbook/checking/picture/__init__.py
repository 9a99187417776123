"""The picture of a site as a value: boxes, what is counted, and where findings are marked."""
