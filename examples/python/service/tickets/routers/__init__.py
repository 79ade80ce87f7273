"""The routes, a module for each resource.

Owns: nothing itself.
Never does: start or stop anything.
Called by: `tickets.app`.
"""
