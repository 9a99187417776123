"""Checks of the requests between the verification's pods, and of disturbances."""
