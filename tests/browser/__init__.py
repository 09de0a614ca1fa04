"""What a person does with the pages, in a real Chromium."""
