"""This module manages the IP allow list and its mode, and lists the IP addresses of clients."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app import bounds, clock
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.administration.ip_allow_list.enforcement import Mode
from app.administration.ip_allow_list.networks import propose, read_network, shown_network
from app.ip_addresses import NetworkSet, read_address
from app.store.access import ip_allow_list_rows as rows
from app.store.access import scim_key_rows
from app.store.database import directory_database


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """A network on the list. `created` is in wire form."""

    network: str
    note: str
    created: str
    created_by: str


@dataclass(frozen=True, slots=True)
class Source:
    """An IP address from which requests with a valid key were received. Times are in wire form.

    `first_seen` is "" if the IP address is only known from the last use of a key.
    """

    address: str
    first_seen: str
    last_seen: str
    is_listed: bool

    @property
    def place(self) -> str:
        """The kind of a local IP address; "" for a global one."""
        address = read_address(self.address)
        if address is None or address.is_global:
            return ""
        return "this host" if address.is_loopback else "private network"


@dataclass(frozen=True, slots=True)
class SourceList:
    """The mode, the list and the sources, read in one transaction. `since` and `set_by` are "" before the first change.

    `sources`: those of the last `bounds.SOURCE_DAYS` days, the one seen last first.
    """

    mode: Mode
    since: str
    set_by: str
    listed: Sequence[AllowedNetwork]
    sources: Sequence[Source]

    @property
    def unlisted(self) -> list[Source]:
        """The sources that an enforced list refuses."""
        return [source for source in self.sources if not source.is_listed]

    @property
    def has_news(self) -> bool:
        """Whether there is a source that is not on the list, while the list is not empty and not off."""
        return self.mode is not Mode.OFF and bool(self.listed and self.unlisted)

    @property
    def proposal(self) -> list[str]:
        """The networks that are missing on the list to cover every source."""
        networks = NetworkSet.of(one.network for one in self.listed)
        addresses = [address for one in self.sources if (address := read_address(one.address))]
        return [shown_network(network) for network in propose(addresses) if not networks.holds(network)]

    def without(self, network: str) -> "SourceList":
        """Return a copy without a network on the list."""
        listed = [one for one in self.listed if one.network != network]
        return SourceList(self.mode, self.since, self.set_by, listed, _judged(self.sources, listed))


def source_list() -> SourceList:
    """Return the mode, the list and the sources."""
    since = clock.to_wire(clock.utc_now() - timedelta(days=bounds.SOURCE_DAYS))
    with directory_database.reading() as connection:
        policy = rows.policy(connection)
        listed = [
            AllowedNetwork(row.network, row.note, row.created, row.created_by) for row in rows.networks(connection)
        ]
        by_address = {
            row.address: Source(row.address, row.first_seen, row.last_seen, is_listed=False)
            for row in rows.seen(connection, since)
        }
        for key in scim_key_rows.list_all(connection):  # known also while the mode was off
            address = read_address(key.last_address or "")
            if address and (key.last_used or "") >= since and str(address) not in by_address:
                by_address[str(address)] = Source(str(address), "", key.last_used or "", is_listed=False)
    sources = sorted(by_address.values(), key=lambda source: source.last_seen, reverse=True)
    mode, at, by = (Mode(policy.mode), policy.since, policy.set_by) if policy else (Mode.OFF, "", "")
    return SourceList(mode, at, by, listed, _judged(sources, listed))


def set_mode(mode: Mode, by: Actor) -> None:
    """Change the mode. Raises Refused for enforcing an empty list."""
    with directory_database.writing() as connection:
        policy = rows.policy(connection)
        before = policy.mode if policy else Mode.OFF.value
        if before == mode:
            return
        if mode is Mode.ENFORCE and not rows.networks(connection):
            raise Refused("The list is empty: enforced, it would refuse every request. Allow a network first.")
        rows.set_policy(connection, mode.value, clock.to_wire(clock.utc_now()), by.signature)
        audit.record(connection, by, Action.SOURCES_MODE, mode.value, before=before)


def allow(texts: Sequence[str], note: str, by: Actor) -> list[str]:
    """Add networks to the list, all or none, and return those that were not on it yet.

    Raises Refused for a text that is not a network, for an invalid note, if all are already on the list, and for more
    than `bounds.ALLOWED_NETWORKS`.
    """
    networks = list(dict.fromkeys(shown_network(read_network(text)) for text in texts))
    note = note.strip()
    if len(note) > bounds.NETWORK_NOTE_LENGTH or not note.isprintable():
        raise Refused(f"The note may have at most {bounds.NETWORK_NOTE_LENGTH} printable characters.")
    if not networks:
        raise Refused("Enter at least one IP address or network.")
    with directory_database.writing() as connection:
        known = {row.network for row in rows.networks(connection)}
        added = [network for network in networks if network not in known]
        if not added:
            raise Refused("This is already on the list.")
        if len(known) + len(added) > bounds.ALLOWED_NETWORKS:
            raise Refused(
                f"The list may have {bounds.ALLOWED_NETWORKS} networks. Combine some of them into a wider one."
            )
        rows.add_networks(connection, added, note, clock.to_wire(clock.utc_now()), by.signature)
        for network in added:
            audit.record(connection, by, Action.NETWORK_ALLOWED, network, note=note)
    return added


def remove(network: str, by: Actor) -> None:
    """Remove a network from the list.

    Raises Refused for a network that is not on the list, and for the last one while the list is enforced.
    """
    with directory_database.writing() as connection:
        if not rows.remove_network(connection, network):
            raise Refused("This network is not on the list.")
        policy = rows.policy(connection)
        if policy and policy.mode == Mode.ENFORCE and not rows.networks(connection):
            raise Refused("This is the last network of an enforced list. Go back to monitoring first.")
        audit.record(connection, by, Action.NETWORK_REMOVED, network)


def _judged(sources: Sequence[Source], listed: Sequence[AllowedNetwork]) -> list[Source]:
    networks = NetworkSet.of(one.network for one in listed)
    return [replace(one, is_listed=networks.has(one.address)) for one in sources]
