"""What Telegram's errors mean for an effect that was to be said there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramRetryAfter,
)

from messaging.outbox_delivery import NobodyThere, NotAccepted, NotNow

if TYPE_CHECKING:
    from casino.outbox import Effect
    from messaging.outbox_delivery import Deliver


def by_telegram(deliver: Deliver) -> Deliver:
    """The same delivery for an OutboxWorker: 429 is NotNow, 403 is NobodyThere, 400 and 404 are
    NotAccepted."""

    async def delivered(effect: Effect) -> str:
        try:
            return await deliver(effect)
        except TelegramRetryAfter as error:
            raise NotNow(timedelta(seconds=error.retry_after)) from error
        except TelegramForbiddenError as error:
            raise NobodyThere(error.message) from error
        except (TelegramBadRequest, TelegramNotFound) as error:
            raise NotAccepted(error.message) from error

    return delivered
