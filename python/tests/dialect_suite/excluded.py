"""Owns the list of the suite's tests that do not hold for `postgresql+gino`, each with its reason.

Never holds what the server lacks (requirements.py). Called by plugin.py.
"""

EXCLUDED: dict[str, str] = {}
