"""Help for applications that were written for older surroundings.

Owns: nothing itself; each module in here is one such surrounding, and acts only when imported.
Never does: get imported by any other module of gino.
Called by: applications, at start-up (`import gino.compat.sa13`).
"""
