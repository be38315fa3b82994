"""A projector in a process of its own, to be killed: follows the log of the database that it is given."""

from __future__ import annotations

import asyncio
import sys

from tests.fleet import open_fleet


async def main(url: str) -> None:
    async with open_fleet(url, projection_interval=0.05) as fleet:
        await fleet.projector.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
