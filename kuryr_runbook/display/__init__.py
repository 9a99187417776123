"""How plans, findings and progress appear in a notebook and on an 80-column terminal."""
