package main

import (
	"syscall"

	"github.com/jsimonetti/rtnetlink"
	"github.com/mdlayher/netlink"
)

func main() {
	var routes []rtnetlink.Message
	report(func() error {
		conn, err := rtnetlink.Dial(nil)
		if err != nil {
			return err
		}
		defer conn.Close()
		// Route.List() asks for every family.
		ask := &rtnetlink.RouteMessage{Family: syscall.AF_INET}
		routes, err = conn.Execute(ask, syscall.RTM_GETROUTE, netlink.Request|netlink.Dump)
		return err
	}, func(s *sums) {
		for _, message := range routes {
			r := message.(*rtnetlink.RouteMessage)
			if a := r.Attributes; r.Protocol == bgp {
				s.add(a.Dst, int(r.DstLength), a.Gateway, int(a.OutIface), int(a.Priority))
			}
		}
	})
}
