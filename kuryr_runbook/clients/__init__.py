"""The only users of the SDKs and of subprocesses; readers and writers are separate protocols.

SDK errors are chained into ours here and go no further.
"""
