"""What tests of applications need: `gino_rollback`, see `gino.testing.pytest_plugin`.

Owns: nothing; the modules in here do.
Never does: get imported by the rest of gino.
Called by: tests of applications.
"""
