"""For all tests: what must not depend on the clock does not."""

from hypothesis import settings
from object_store import bucket, endpoint  # noqa: F401 - fixtures

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
