"""A simulation that does not say that it is one: the requests of Entra, sent from this process."""

from contextlib import closing
from unittest import mock

from app.simulation import simulation_header
from app.simulation.client import EntraClient
from app.simulation.dialects import DIALECTS
from app.simulation.ledger import Ledger, Stage
from app.simulation.story import Plan, rehearse
from tests.conftest import Appliance


class _Nobody:
    def began(self, stage: Stage, steps: int) -> None: ...

    def stepped(self) -> None: ...

    def ended(self, stage: Stage) -> None: ...


def play_entra(appliance: Appliance, people: int, dialect: str) -> None:
    """Send what Entra sends for some people and one group, and delete them again."""
    plan = Plan(people, 1, DIALECTS[dialect], seed=7, alone=False)
    ledger = Ledger()
    with (
        mock.patch.object(simulation_header, "HEADER", "X-Nothing"),
        closing(EntraClient(f"{appliance.url}/scim/", appliance.key, ledger)) as client,
    ):
        rehearse(plan, client, ledger, _Nobody())
    assert not ledger.failed, ledger.failures
