"""The product's terms as types: sites, releases, drivers, addresses, plans, findings, errors.

Everything in here computes and never does I/O.
"""
