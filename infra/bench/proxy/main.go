// Command proxy measures what a proxied request costs in CPU: banyan's gateway beside nginx, HAProxy and a net/http ReverseProxy, all in
// one run before one backend, 64 connections, small answers. nginx and HAProxy are Debian's packages; one that is not installed is
// left out and named.
//
// The load generator, the backend and each proxy are processes of their own, so that only a proxy's own time counts. The figures are
// the medians of several rounds in which the proxies take turns, since a shared machine is never quiet.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

const connections = 64

func main() {
	role := flag.String("role", "", "internal: backend, gateway, reverse or tuned")
	backend := flag.String("backend", "", "internal: the backend's address")
	seconds := flag.Float64("seconds", 3, "length of one measurement")
	rounds := flag.Int("rounds", 5, "measurements of each proxy")
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

// figure is what one proxy cost.
type figure struct {
	name          string
	cpu, rate     []float64 // microseconds a request; requests a second
	added99       time.Duration
	before, after int64 // resident KiB around a long answer
}

func compare(length time.Duration, rounds int, profile string) error {
	dir, err := os.MkdirTemp("", "bench-proxy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	backend, err := self("-role", "backend")
	if err != nil {
		return err
	}
	defer backend.stop()
	var figures []*figure
	var running []*process
	for _, p := range proxies(dir, backend.addr, profile) {
		proc, err := p.start()
		if err != nil {
			fmt.Printf("%s is left out: %v\n", p.name, err)
			continue
		}
		defer proc.stop()
		running, figures = append(running, proc), append(figures, &figure{name: p.name})
	}
	for range rounds {
		for i, proc := range running {
			before := proc.cpu()
			n, took, err := load(proc.addr, length)
			if err != nil {
				return fmt.Errorf("%s: %w", figures[i].name, err)
			}
			figures[i].cpu = append(figures[i].cpu, float64((proc.cpu()-before).Microseconds())/float64(n))
			figures[i].rate = append(figures[i].rate, float64(n)/took.Seconds())
		}
	}
	direct, err := paced(backend.addr, 2000, length)
	if err != nil {
		return err
	}
	for i, proc := range running {
		through, err := paced(proc.addr, 2000, length)
		if err != nil {
			return err
		}
		figures[i].added99 = through - direct
		if figures[i].before, figures[i].after, err = long(proc); err != nil {
			return err
		}
	}
	return table(figures, direct)
}

func table(figures []*figure, direct time.Duration) error {
	cpu := map[string]float64{}
	cheaper := 0.0
	for _, f := range figures {
		cpu[f.name] = median(f.cpu)
		if f.name == "nginx" || f.name == "haproxy" {
			if cheaper == 0 || cpu[f.name] < cheaper {
				cheaper = cpu[f.name]
			}
		}
	}
	ours := cpu["banyan"]
	fmt.Printf("%-14s %14s %14s %12s %16s %22s\n", "proxy", "CPU us/request", "(least, most)", "requests/s", "added p99 at 2k/s", "RSS around 1 GiB, MiB")
	for _, f := range figures {
		fmt.Printf("%-14s %14.1f %14s %12.0f %16v %12d -> %d\n", f.name, cpu[f.name], fmt.Sprintf("(%.1f, %.1f)", slices.Min(f.cpu), slices.Max(f.cpu)),
			median(f.rate), f.added99.Round(10*time.Microsecond), f.before>>10, f.after>>10)
	}
	fmt.Printf("p99 without a proxy: %v\n", direct.Round(10*time.Microsecond))
	if cheaper > 0 {
		fmt.Printf("banyan costs %.2f times the cheaper of nginx and HAProxy (bar: 1.2)\n", ours/cheaper)
	}
	if r, tuned := cpu["reverseproxy"], cpu["its pool tuned"]; r > 0 {
		fmt.Printf("a net/http ReverseProxy costs %.1f times banyan (bar: 5), with its pool tuned %.1f times\n", r/ours, tuned/ours)
	}
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// answer is what the backend says: a small page with the lines that such pages have.
var answer = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Fri, 15 Mar 2019 21:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\n" +
	"X-Drupal-Cache: HIT\r\nEtag: \"1552683600-0\"\r\nCache-Control: no-cache, must-revalidate\r\nVary: Cookie\r\nKeep-Alive: timeout=75, max=1000000\r\nContent-Length: 512\r\n\r\n" +
	strings.Repeat("a page ", 80)[:512]
