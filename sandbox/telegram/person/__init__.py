"""What people do: messages, taps, launches and payments, over HTTP."""
