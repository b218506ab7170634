"""rtnetlink: routes, links, addresses, neighbours."""
