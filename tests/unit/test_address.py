"""Database URLs as operators write them."""

from __future__ import annotations

import pytest

from store.address import address_of, driver_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgres://ada:s3cret@db.example:6543/fleet", "db.example:6543/fleet"),
        ("postgresql://ada:s3cret@db.example/fleet?sslmode=require", "db.example:5432/fleet"),
        ("postgresql+asyncpg://ada:s3c%40ret@db.example/fleet", "db.example:5432/fleet"),
        ("postgresql://ada@/fleet?host=/run/postgresql", "/run/postgresql:5432/fleet"),
        ("postgresql:///fleet?host=/tmp/p&port=5433&password=s3cret", "/tmp/p:5433/fleet"),
        ("postgresql://ada:s3cret@one:1,two/fleet", "one:1,two:5432/fleet"),
        ("postgresql://ada:s3cret@[::1]:6543/fleet", "[::1]:6543/fleet"),
        ("postgresql://ada:s3cret@[::1]/fleet", "[::1]:5432/fleet"),
        ("postgresql:///fleet", "localhost:5432/fleet"),
    ],
)
def test_an_address_names_host_port_and_database_and_no_password(url: str, address: str) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_the_driver_gets_the_scheme_that_it_knows(scheme: str) -> None:
    assert (
        driver_url(f"{scheme}://ada:p%40@h/d?sslmode=require") == "postgresql://ada:p%40@h/d?sslmode=require"
    )


@pytest.mark.parametrize("url", ["mysql://ada:s3cret@h/d", "ada:s3cret@h/d", ""])
def test_another_scheme_is_refused_without_repeating_the_url(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql://") as refused:
        driver_url(url)
    assert "s3cret" not in str(refused.value)
