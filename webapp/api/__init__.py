"""What the Mini App asks for: one file per screen family."""
