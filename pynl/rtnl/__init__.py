"""rtnetlink: routes, links, addresses, neighbours, rules, nexthop objects."""
