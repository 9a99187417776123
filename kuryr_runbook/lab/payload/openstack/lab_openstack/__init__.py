"""The lab's OpenStack, inside its own virtual environment.

Keystone, Neutron and Octavia are the released ones. This package replaces the rest of a cloud: a
server process for each (`serve`), databases without migrations (`schema`), SQLite with concurrent
writers (`sqlite`, `heartbeats`), Octavia's compute service (`compute`), and the connection of the
provider `ovn` to Octavia's driver agent (`driver_agent`, `sockets`).
"""
