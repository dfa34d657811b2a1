"""Whatever happens in whatever order, the store agrees with a simple model of it."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.store.machine import StoreMachine


@pytest.mark.timeout(400)  # Hypothesis takes up to 300 s to make a failing run short
def test_the_store_agrees_with_the_model(new_database, engine_name):
    is_sqlite = engine_name == "sqlite"
    run_state_machine_as_test(
        lambda: StoreMachine(new_database),
        settings=settings(
            max_examples=24 if is_sqlite else 8,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
