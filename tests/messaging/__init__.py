"""Tests of Telegram's plumbing."""
