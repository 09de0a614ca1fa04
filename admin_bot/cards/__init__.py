"""Cards: what each kind of decision shows, for the person who reads it, as things stand now."""
