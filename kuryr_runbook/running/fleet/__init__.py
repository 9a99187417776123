"""Many sites from one machine: the command for one site, run for each of them."""
