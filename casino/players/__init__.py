"""People who play: who they are, what they accepted, what they may do now."""
