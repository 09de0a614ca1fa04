"""One file per chain behind the Protocol of `base.py`."""
