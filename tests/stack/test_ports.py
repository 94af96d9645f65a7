from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from domain.errors import PortBusy
from workers.ports import LOOPBACK, Ports, Reservation, any_free_ports, choose_ports


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def reservation() -> Iterator[Reservation]:
    made = Reservation()
    yield made
    made.release()


def test_a_busy_port_that_nobody_named_makes_way_and_is_reported(
    busy_port: int, reservation: Reservation
) -> None:
    previous = any_free_ports() | {"temporal": busy_port}
    chosen, displaced = choose_ports({}, previous, reservation)
    assert chosen.temporal != busy_port
    assert displaced == {"temporal": busy_port}


def test_a_busy_port_that_was_named_is_an_error(busy_port: int, reservation: Reservation) -> None:
    with pytest.raises(PortBusy, match=str(busy_port)):
        choose_ports({"api": busy_port}, any_free_ports(), reservation)


def test_the_ports_of_last_time_are_taken_again(reservation: Reservation) -> None:
    previous = any_free_ports()
    assert choose_ports({}, previous, reservation) == (Ports(**previous), {})


def test_no_port_is_given_out_twice(reservation: Reservation) -> None:
    previous = any_free_ports()
    chosen, displaced = choose_ports({"api": previous["postgres"]}, previous, reservation)
    assert chosen.api == previous["postgres"] != chosen.postgres
    assert set(displaced) == {"postgres"}


def test_two_stacks_that_start_at_once_do_not_take_the_same_port(reservation: Reservation) -> None:
    usual = any_free_ports()
    first, _ = choose_ports({}, usual, reservation)
    other = Reservation()
    second, displaced = choose_ports({}, usual, other)
    assert displaced == usual
    assert not set(asdict(first).values()) & set(asdict(second).values())
    other.release()
    reservation.release()
    assert choose_ports({}, usual, other)[1] == {}
    other.release()
