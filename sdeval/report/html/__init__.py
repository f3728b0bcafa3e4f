"""Pages that open from disk: of a session, of comparison, of a history."""
