"""The workbench: tools over the library for sheets of local codes, and for maps.

Each tool is a function of a ``Terminology`` and of rows that are read one at a time, so that a sheet of any length
takes the same memory. ``cli/`` has a command for each. There is no HTTP here.
"""
