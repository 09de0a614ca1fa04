"""People who decide: members, roles, signed orders."""
