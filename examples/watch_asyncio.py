"""What a command changes in the network: examples/watch_asyncio.py COMMAND [ARGUMENT ...]"""

import asyncio
import sys

import pynl


async def count(events: pynl.aio.Monitor, found: dict[str, int]) -> None:
    async for event in events:
        what = event.action if event.record is None else f"{event.kind}: {event.action}"
        found[what] = found.get(what, 0) + 1


async def main(*command: str) -> None:
    found: dict[str, int] = {}
    async with pynl.aio.Netlink() as nl, nl.monitor() as events:
        watcher = asyncio.create_task(count(events, found))
        process = await asyncio.create_subprocess_exec(*command)
        status = await process.wait()
        await asyncio.sleep(0.1)  # what the kernel does a little later
        watcher.cancel()
    print(f"{' '.join(command)} ended with {status}, and changed {'this:' if found else 'nothing'}")
    for what, times in sorted(found.items()):
        print(f"{times:6} {what}")


if __name__ == "__main__":
    asyncio.run(main(*(sys.argv[1:] or ["true"])))
