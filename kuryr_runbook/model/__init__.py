"""The words of the product as types: sites, releases, drivers, addresses, plans, findings, errors.

What belongs here computes and never does I/O.
"""
