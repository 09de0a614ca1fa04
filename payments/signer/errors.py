"""What can go wrong with keys; every text says what to do next and none holds a secret."""

from __future__ import annotations


class KeystoreError(RuntimeError):
    """Keys cannot be made, opened or used. Root of this tree:

    KeystoreMissing, KeystoreExists, NotAKeystore, NewerKeystore, DoesNotOpen, KeyAbsent,
    WordsInvalid, PasswordUnfit, FileTrouble.

    Secrets are kept out of the texts and out of the causes: where a library's exception might
    repeat its input, it is raised `from None`."""


class KeystoreMissing(KeystoreError):
    """There is no file at the path."""


class KeystoreExists(KeystoreError):
    """There is a file already; keys are never overwritten."""


class NotAKeystore(KeystoreError):
    """The file is no keystore, or a damaged one."""


class NewerKeystore(KeystoreError):
    """The file was written by a later version of this program."""


class DoesNotOpen(KeystoreError):
    """The password is wrong, or the file was changed: the cipher cannot tell the two apart."""


class KeyAbsent(KeystoreError):
    """The keys are in order, but the one that is asked for is not among them."""


class WordsInvalid(KeystoreError):
    """Not recovery words; the text names a place in the row, never a word."""


class PasswordUnfit(KeystoreError):
    """A password that protects nothing, or none at all."""


class FileTrouble(KeystoreError):
    """The system refused to read or write; what stood in the file before still stands there."""
