"""SQLAlchemy dialects of gino: how statements are written for the native driver."""
