// What both Go peers share: prints seconds, peak memory in megabytes, count and checksum (as content.py has it).
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

const bgp = 186

type sums struct{ count, checksum uint64 }

func (s *sums) add(dst net.IP, length int, gateway net.IP, device, metric int) {
	s.count++
	first := uint64(binary.BigEndian.Uint32(dst.To4())) + uint64(length)
	s.checksum += first * (uint64(binary.BigEndian.Uint32(gateway.To4())) + uint64(device) + uint64(metric))
}

// Reads, and then sums up what was read.
func report(read func() error, sum func(*sums)) {
	start := time.Now()
	err := read()
	seconds := time.Since(start).Seconds()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var kilobytes uint64
	status, _ := os.ReadFile("/proc/self/status")
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Sscan(peak, &kilobytes)
	var s sums
	sum(&s)
	fmt.Println(seconds, float64(kilobytes)*1024/1e6, s.count, s.checksum)
}
