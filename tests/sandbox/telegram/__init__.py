"""The local Telegram: as strict as the real one, and as forgetful as a restart allows."""
