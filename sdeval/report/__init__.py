"""What people read: terminal, page, files for machines."""
