"""What staff can do, a file for each kind of work."""
