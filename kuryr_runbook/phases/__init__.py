"""What the cells of the notebooks call: one small module a phase."""
