"""What is expected of a refusal: its code, and a sentence that repeats nothing of what the provider sent."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.openid.errors import ProviderCode, ProviderError


@contextmanager
def refused(code: ProviderCode) -> Iterator[pytest.ExceptionInfo[ProviderError]]:
    with pytest.raises(ProviderError) as caught:
        yield caught
    assert caught.value.code is code, str(caught.value)
    assert "{" not in str(caught.value)
