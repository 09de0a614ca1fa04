"""The two ways in which a request is refused: to a bot in Telegram's words, to a person in ours."""

from __future__ import annotations


class ApiError(Exception):
    """A Bot API refusal: HTTP code, Telegram's description, optional response parameters."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


class ActError(Exception):
    """A person tried something that a Telegram client would not let him do."""

    def __init__(self, sentence: str, *, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


def bad_request(description: str) -> ApiError:
    """A 400 in Telegram's form."""
    return ApiError(400, f"Bad Request: {description}")


def forbidden(description: str) -> ApiError:
    """A 403 in Telegram's form."""
    return ApiError(403, f"Forbidden: {description}")


def conflict(description: str) -> ApiError:
    """A 409 in Telegram's form."""
    return ApiError(409, f"Conflict: {description}")


def too_many_requests(seconds: int) -> ApiError:
    """A 429 that names the seconds to wait."""
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
