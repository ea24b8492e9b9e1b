"""An appliance that is set up, behind a proxy that leads Entra's name to whichever provider a test has."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import FORKED, Appliance, with_values
from tests.openid.certificates import Authority
from tests.openid.conftest import authority, no_proxy
from tests.openid.provider import ENTRA_HOST, TENANT, SigningProvider
from tests.openid.wires import Proxy
from tests.single_sign_on.scene import Scene
from tests.web.visitor import Visitor, set_up

__all__ = ["authority", "no_proxy"]


@dataclass
class House:
    """An appliance, the proxy that it goes out by, and its owner, who showed a short while ago who they are."""

    appliance: Appliance
    proxy: Proxy
    signed_in: Visitor | None = None

    def owner(self) -> Visitor:
        """Signed in anew where the last sign-in was too long ago for what wants proof."""
        known = self.signed_in
        if known is None or known.get("/single-sign-on/remove").location.startswith(("/confirm", "/login")):
            known = self.signed_in = Visitor(self.appliance.url)
            assert known.sign_in().status == 303
        return known

    def clear(self, scene: Scene) -> None:
        """Take away what a test made."""
        owner = scene.owner()
        owner.get("/me")
        assert owner.post("/single-sign-on/remove").location == "/single-sign-on"
        for one in self.appliance.request("GET", "/scim/Users?count=200").json["Resources"]:
            assert self.appliance.request("DELETE", f"/scim/Users/{one['id']}").status == 204


@pytest.fixture(scope="module")
def house(program: list[str], authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with Proxy({}).running() as proxy:
        environment = dict.fromkeys(("https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"), "")
        appliance = Appliance(
            with_values(bounds__PROVIDER_ANSWER_S=2) if program[0] == FORKED else program,
            tmp_path_factory.mktemp("house") / "recnice",
            flags=("--ca-file", str(authority.ca_file), "--trusted-proxy", "127.0.0.1"),
            environment={**environment, "HTTPS_PROXY": proxy.url, "https_proxy": proxy.url},
        ).start()
        set_up(appliance)
        appliance.make_key()
        yield House(appliance, proxy)
        assert appliance.stop() == 0, appliance.output


@pytest.fixture
def unconfigured(house: House, authority: Authority) -> Iterator[Scene]:
    """Entra, which is not set up; what an earlier test left is removed."""
    with SigningProvider(authority, tenant=TENANT).running() as provider:
        house.proxy.places = {ENTRA_HOST: provider.port}
        scene = Scene(house.appliance, provider, house.owner)
        provider.redirect_uris = {house.appliance.url + "/auth/callback"}
        yield scene
    house.clear(scene)


@pytest.fixture
def entra(unconfigured: Scene) -> Scene:
    """Entra, set up."""
    saved = unconfigured.save()
    assert (saved.status, saved.location) == (303, "/single-sign-on"), saved.text
    return unconfigured


@pytest.fixture
def ada(entra: Scene) -> str:
    """The id of the person whom the provider signs in."""
    return entra.person("ada@example.org", entra.provider.user["oid"], displayName="Ada Lovelace")


@pytest.fixture
def generic(house: House, authority: Authority) -> Iterator[Scene]:
    """Any other provider, set up."""
    with SigningProvider(authority).running() as provider:
        house.proxy.places = {"127.0.0.1": provider.port}
        scene = Scene(house.appliance, provider, house.owner)
        saved = scene.save()
        assert saved.status == 303, saved.text
        yield scene
        house.clear(scene)
