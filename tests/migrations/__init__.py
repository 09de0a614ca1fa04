"""The schema: models match, every step goes down and up."""
