"""What can be read of a damaged store, and one whose folder was removed."""
