"""How plans, findings and progress look in a notebook and on a terminal of 80 columns."""
