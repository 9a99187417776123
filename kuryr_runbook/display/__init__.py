"""How plans, findings and progress appear in a notebook, on a terminal, and in a record."""
