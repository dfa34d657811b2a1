"""The API does what its description says, whatever it is asked: schemathesis with all checks."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup

from tests.fakes.changeable_lab import changeable, queued

EXAMPLES = 6  # for each operation


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A lab that may be changed, with deliveries in it."""
    with changeable(tmp_path_factory.mktemp("own")) as found:
        queued(found)
        queued(found, hold=True, waves="50%:1h")
        yield found


@pytest.fixture(scope="module")
def described(own):
    # That it can be done is more than a schema can say: what has an effect may be refused (422).
    accepted = {"expected-statuses": ["2xx", "401", "403", "404", "409", "422", "503"]}
    config = SchemathesisConfig.from_dict({"checks": {"positive_data_acceptance": accepted}})
    return schemathesis.openapi.from_url(own.address + "/openapi.json", config=config).exclude(
        path="/api/v1/changes"  # it goes on for ever
    )


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_what_is_answered_is_what_is_described(described, mode):
    """One test for all operations: what there is to ask is only known once it is served."""
    failed = []
    for found in described.get_all_operations():
        operation = found.ok()
        try:
            ask(operation, mode)
        except Unsatisfiable:
            continue  # nothing can be wrong where nothing is asked
        except (FailureGroup, Failure) as error:
            failed.append(f"{operation.label}: {error}")
    assert not failed, "\n\n".join(failed)


def ask(operation, mode):
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def asked(case):
        case.call_and_validate()

    asked()
