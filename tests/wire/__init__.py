"""A loopback server that speaks the providers' wire formats, and fails in every way they do."""
