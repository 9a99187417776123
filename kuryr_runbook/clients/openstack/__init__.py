"""Keystone, Neutron and Octavia, through openstacksdk."""
