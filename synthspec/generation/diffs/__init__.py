"""What changed between two specs, and which calls an edit makes again."""
