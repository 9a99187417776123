"""The picture of a site as a value: boxes, counts, and marks of findings."""
