package main

import "github.com/vishvananda/netlink"

func main() {
	var routes []netlink.Route
	report(func() (err error) {
		routes, err = netlink.RouteList(nil, netlink.FAMILY_V4)
		return err
	}, func(s *sums) {
		for _, r := range routes {
			if r.Protocol == bgp {
				length, _ := r.Dst.Mask.Size()
				s.add(r.Dst.IP, length, r.Gw, r.LinkIndex, r.Priority)
			}
		}
	})
}
