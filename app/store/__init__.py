"""This package stores everything in two SQLite files: the directory, and the request log.

Every function of a module that is named for rows works in the caller's transaction.
"""
