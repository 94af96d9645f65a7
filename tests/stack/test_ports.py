from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from domain.errors import PortBusy
from workers.ports import LOOPBACK, Ports, any_free_ports, choose_ports


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_busy_port_that_nobody_named_makes_way_and_is_reported(busy_port: int) -> None:
    previous = any_free_ports() | {"temporal": busy_port}
    chosen, displaced = choose_ports({}, previous)
    assert chosen.temporal != busy_port
    assert displaced == {"temporal": busy_port}


def test_a_busy_port_that_was_named_is_an_error(busy_port: int) -> None:
    with pytest.raises(PortBusy, match=str(busy_port)):
        choose_ports({"api": busy_port}, any_free_ports())


def test_the_ports_of_last_time_are_taken_again() -> None:
    previous = any_free_ports()
    assert choose_ports({}, previous) == (Ports(**previous), {})


def test_no_port_is_given_out_twice() -> None:
    previous = any_free_ports()
    chosen, displaced = choose_ports({"api": previous["postgres"]}, previous)
    assert chosen.api == previous["postgres"] != chosen.postgres
    assert set(displaced) == {"postgres"}
