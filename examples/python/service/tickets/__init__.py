"""A larger web service: teams, their members, and tickets with a history.

Owns: the application `tickets.app:app`; `python -m tickets` migrates the database and serves it.
Never does: make tables by itself; the migrations do.
Called by: uvicorn, and by Alembic's environment for the models.
"""
