"""The field's prompt sets as they are published, and the case files that are made of them."""
