"""What people and programs do to a lab: the same by a command, the page or the API."""
