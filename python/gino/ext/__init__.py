"""Extensions of gino: the integrations that ship here, and those that other packages bring.

Owns: the import hook, installed with the first import of this package.
Never does: import an extension that nobody asks for.
Called by: applications (`from gino.ext.starlette import Gino`) and `python -m gino.ext`.
"""

from __future__ import annotations

from . import _hook

_hook.install()
