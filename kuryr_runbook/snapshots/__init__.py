"""Bulk reads of cloud and cluster into frozen dataclasses.

One list call per resource type, never one per object. What could not be read is marked as such
(`Unreadable`), not absent.
"""
