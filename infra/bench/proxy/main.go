// Command proxy measures what a proxied request costs in CPU: banyan's gateway beside nginx, HAProxy and a net/http ReverseProxy, all in
// one run before one backend, 64 connections, small answers. nginx and HAProxy are Debian's packages; one that is not installed is
// left out and named.
//
// The load generator, the backend and each proxy are processes of their own, so that only a proxy's own time counts. A shared machine is
// never quiet: the proxies take turns in short rounds, two are compared within each round, and the medians of the rounds are the figures.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/bench/rig"
)

func main() {
	role := flag.String("role", "", "internal: backend, gateway, reverse or tuned")
	backend := flag.String("backend", "", "internal: the backend's address")
	seconds := flag.Float64("seconds", 1, "length of one measurement")
	rounds := flag.Int("rounds", 15, "measurements of each proxy")
	profile := flag.String("profile", "", "write the gateway's CPU profile to this file")
	flag.Parse()
	var err error
	switch *role {
	case "backend":
		err = serveBackend()
	case "gateway":
		err = serveGateway(*backend, *profile)
	case "reverse":
		err = serveReverse(*backend, false)
	case "tuned":
		err = serveReverse(*backend, true)
	default:
		err = compare(time.Duration(*seconds*float64(time.Second)), *rounds, *profile)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-proxy:", err)
		os.Exit(1)
	}
}

// contestant is one running proxy and what it cost.
type contestant struct {
	name          string
	proc          *rig.Process
	visitors      []*rig.Visitor
	cpu, rate     []float64 // microseconds a request; requests a second; by round
	p99, added    []float64 // microseconds at 2,000 a second, and more than without a proxy; by round
	before, after int64     // resident KiB around a long answer
}

const pacedRate = 2000

func compare(length time.Duration, rounds int, profile string) error {
	dir, err := os.MkdirTemp("", "bench-proxy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	backend, err := rig.Self("-role", "backend")
	if err != nil {
		return err
	}
	defer backend.Stop()
	direct, err := rig.VisitAll(backend.Addr)
	if err != nil {
		return err
	}
	var all []*contestant
	for _, p := range proxies(dir, backend.Addr, profile) {
		proc, err := p.start()
		if err != nil {
			fmt.Printf("%s is left out: %v\n", p.name, err)
			continue
		}
		defer proc.Stop()
		c := &contestant{name: p.name, proc: proc}
		if c.visitors, err = rig.VisitAll(proc.Addr); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, c)
	}
	fmt.Printf("load average before: %s\n", rig.LoadAverage())
	for round := range rounds {
		for i := range all {
			c := all[(round+i)%len(all)]
			if err := c.measure(direct, length, round%3 == 0); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	for _, c := range all {
		if c.before, c.after, err = long(c.proc); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	table(all)
	return nil
}

// measure takes a contestant's turn: the load, and in some rounds the steady rate.
func (c *contestant) measure(direct []*rig.Visitor, length time.Duration, steady bool) error {
	before := c.proc.CPU()
	n, took, err := rig.Load(c.visitors, length)
	if err != nil {
		return err
	}
	c.cpu = append(c.cpu, float64((c.proc.CPU()-before).Nanoseconds())/1000/float64(n))
	c.rate = append(c.rate, float64(n)/took.Seconds())
	if !steady {
		return nil
	}
	through, without, err := rig.Paced(c.visitors, direct, pacedRate, length)
	if err != nil {
		return err
	}
	c.p99 = append(c.p99, float64(through.Microseconds()))
	c.added = append(c.added, float64((through - without).Microseconds()))
	return nil
}

func table(all []*contestant) {
	fmt.Printf("load average after:  %s\n\n", rig.LoadAverage())
	fmt.Printf("%-15s %14s %14s %11s %10s %10s %21s\n", "proxy", "CPU us/request", "(least, most)", "requests/s", "p99 us", "added us", "RSS around 1 GiB, MiB")
	by := map[string]*contestant{}
	for _, c := range all {
		by[c.name] = c
		fmt.Printf("%-15s %14.1f %14s %11.0f %10.0f %10.0f %13d -> %d\n", c.name, rig.Median(c.cpu), fmt.Sprintf("(%.1f, %.1f)", slices.Min(c.cpu), slices.Max(c.cpu)),
			rig.Median(c.rate), rig.Median(c.p99), rig.Median(c.added), c.before>>10, c.after>>10)
	}
	fmt.Printf("\np99 at %d requests a second; added: to the p99 of requests without a proxy, asked by turns in the same seconds (bar: 1000 us)\n", pacedRate)
	ours := by["banyan"]
	dearest := 0.0
	for _, name := range []string{"nginx", "haproxy", "haproxy, logs"} {
		if other := by[name]; other != nil {
			r := ratio(ours, other)
			fmt.Printf("banyan costs %.2f times %s\n", r, name)
			if name != "haproxy, logs" {
				dearest = max(dearest, r)
			}
		}
	}
	fmt.Printf("banyan costs %.2f times the cheaper of nginx and HAProxy without its log (bar: 1.2)\n", dearest)
	plain, tuned := by["reverseproxy"], by["its pool tuned"]
	fmt.Printf("a net/http ReverseProxy costs %.1f times banyan (bar: 5), with its pool tuned %.1f times\n", ratio(plain, ours), ratio(tuned, ours))
}

// ratio is the median of what a costs in terms of b, round by round.
func ratio(a, b *contestant) float64 {
	var all []float64
	for i := range a.cpu {
		all = append(all, a.cpu[i]/b.cpu[i])
	}
	return rig.Median(all)
}

// answer is what the backend says: a small page with the lines that such pages have.
var answer = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Fri, 15 Mar 2019 21:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\n" +
	"X-Drupal-Cache: HIT\r\nEtag: \"1552683600-0\"\r\nCache-Control: no-cache, must-revalidate\r\nVary: Cookie\r\nKeep-Alive: timeout=75, max=1000000\r\nContent-Length: 512\r\n\r\n" +
	strings.Repeat("a page ", 80)[:512]

// long fetches an answer of 1 GiB through a proxy and says what the proxy's memory was before, and at most meanwhile.
func long(p *rig.Process) (before, most int64, err error) {
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	before = p.Resident()
	io.WriteString(c, "GET /long HTTP/1.1\r\nHost: www.rednosefund.example\r\nConnection: close\r\n\r\n")
	buf := make([]byte, 1<<20)
	var n int64
	for look := int64(0); ; {
		m, err := c.Read(buf)
		if n += int64(m); n >= look {
			most, look = max(most, p.Resident()), n+64<<20
		}
		if err != nil {
			break
		}
	}
	if n < longAnswer {
		return 0, 0, fmt.Errorf("%d of %d bytes came", n, int64(longAnswer))
	}
	return before, most, nil
}
