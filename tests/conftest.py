"""For all tests: what must not depend on the clock does not."""

from hypothesis import HealthCheck, settings
from worlds.object_store import bucket, endpoint  # noqa: F401 - fixtures

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
