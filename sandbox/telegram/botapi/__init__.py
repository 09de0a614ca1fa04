"""What bots call: the methods of the Bot API, grouped by what they are for."""
