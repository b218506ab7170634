"""How many routes has each protocol in each table? In little memory, however many: examples/route_count.py"""

from collections import Counter

import pynl

with pynl.Netlink() as nl:
    counts: Counter[tuple[int, int]] = Counter()
    for table in nl.routes.stream(fields=("table", "protocol")):
        counts.update(zip(table.columns["table"], table.columns["protocol"], strict=True))

for (table_id, protocol), count in counts.most_common():
    print(f"{count:9}  table {table_id:<10}  {pynl.Route(protocol=protocol).protocol!r}")
