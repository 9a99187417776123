"""What the notebooks' cells call: one small module for each phase."""
