"""The clockwork: scheduled jobs of the business."""
