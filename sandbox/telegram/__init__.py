"""A Telegram of our own on one machine: Bot API, people to act as, and a page that shows it."""
