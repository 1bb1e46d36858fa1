"""What columns of a sample have to do with each other."""
