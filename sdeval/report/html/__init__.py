"""Pages that open from disk: of a session, of settings side by side, of a history."""
