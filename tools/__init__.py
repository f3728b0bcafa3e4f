"""Tools of the project that users do not need."""
