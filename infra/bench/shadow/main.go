// Command shadow measures what copies and comparisons cost the gateway: one process with every request copied to the other side and compared,
// beside one that copies nothing, asked by turns in the same seconds before one backend. Others have a shadow side that is dead, never
// answers, answers a byte a second or without end, for what donors notice of it and what the memory comes to.
//
// The page is a small HTML form whose form_build_id differs in every answer, so that each pair is read and compared and none is equal byte
// by byte; the mask pack of Drupal 7 is on. Every figure stands beside what was really compared: a copy that is dropped costs nothing.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/bench/rig"
)

func main() {
	role := flag.String("role", "", "internal: backend, gateway, silent, drip or endless")
	legacy := flag.String("legacy", "", "internal: the backend's address")
	other := flag.String("new", "", "internal: the shadow side's address; empty: nothing is copied")
	page := flag.Int("page", 512, "bytes of the page")
	seconds := flag.Float64("seconds", 2, "length of one measurement")
	rounds := flag.Int("rounds", 9, "measurements")
	rate := flag.Int("rate", 1000, "requests a second to each gateway")
	profile := flag.String("profile", "", "write the copying gateway's CPU profile to this file")
	flag.Parse()
	var err error
	switch *role {
	case "backend":
		err = serveBackend(*page)
	case "silent", "drip", "endless":
		err = serveFault(*role)
	case "gateway":
		err = serveGateway(*legacy, *other, *profile)
	default:
		err = measure(run{*page, *rate, *rounds, time.Duration(*seconds * float64(time.Second)), *profile})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-shadow:", err)
		os.Exit(1)
	}
}

type run struct {
	page, rate, rounds int
	length             time.Duration
	profile            string
}

// front is a gateway under measurement.
type front struct {
	*rig.Process
	counts   string // where it tells what it has compared and dropped
	visitors []*rig.Visitor
}

func open(legacy, other, profile string) (*front, error) {
	p, err := rig.Self("-role", "gateway", "-legacy", legacy, "-new", other, "-profile", profile)
	if err != nil {
		return nil, err
	}
	f := &front{Process: p}
	p.Addr, f.counts, _ = strings.Cut(p.Addr, " ")
	f.visitors, err = rig.VisitAll(p.Addr)
	return f, err
}

// count sums up a metric of the gateway's Copier over all its labels.
func (f *front) count(metric string) (sum int64, err error) {
	res, err := http.Get("http://" + f.counts)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if n, err := strconv.ParseFloat(value, 64); err == nil && strings.HasPrefix(name, metric+"{") {
			sum += int64(n)
		}
	}
	return sum, nil
}

const (
	compared = "banyan_diff_compared_total"
	dropped  = "banyan_shadow_dropped_total"
)

// say prints what a gateway's copies have come to.
func (f *front) say(format string, args ...any) error {
	n, err := f.count(compared)
	if err != nil {
		return err
	}
	lost, err := f.count(dropped)
	fmt.Printf(format+"; compared %d, dropped %d\n", append(args, n, lost)...)
	return err
}

func measure(r run) error {
	backend, err := rig.Self("-role", "backend", "-page", fmt.Sprint(r.page))
	if err != nil {
		return err
	}
	defer backend.Stop()
	plain, err := open(backend.Addr, "", "")
	if err != nil {
		return err
	}
	defer plain.Stop()
	copying, err := open(backend.Addr, backend.Addr, r.profile)
	if err != nil {
		return err
	}
	defer copying.Stop()
	fmt.Printf("a page of %d bytes, %d requests a second to each gateway, load average %s\n\n", r.page, r.rate, rig.LoadAverage())
	var ratios, cheap, dear, added []float64
	for range r.rounds {
		began := [2]time.Duration{plain.CPU(), copying.CPU()}
		slow, fast, err := rig.Paced(copying.visitors, plain.visitors, r.rate, r.length)
		if err != nil {
			return err
		}
		n := float64(r.rate) * r.length.Seconds()
		p, c := float64((plain.CPU()-began[0]).Microseconds())/n, float64((copying.CPU()-began[1]).Microseconds())/n
		ratios, cheap, dear, added = append(ratios, c/p), append(cheap, p), append(dear, c), append(added, float64((slow-fast).Microseconds()))
	}
	fmt.Printf("CPU a donor's request: plain %.1f us, copied and compared %.1f us: %.2f times (least %.2f, most %.2f; bar: 2.2)\n",
		rig.Median(cheap), rig.Median(dear), rig.Median(ratios), slices.Min(ratios), slices.Max(ratios))
	if err := copying.say("added p99: %.0f us (bar: 1000)", rig.Median(added)); err != nil {
		return err
	}
	return faults(backend.Addr, plain, r)
}

// faults loads gateways whose shadow side is of no use: at the steady rate for what donors notice, then as fast as they answer for memory.
func faults(backend string, plain *front, r run) error {
	fmt.Println()
	for _, side := range []string{"dead", "silent", "drip", "endless"} {
		address := "127.0.0.1:1"
		if side != "dead" {
			p, err := rig.Self("-role", side)
			if err != nil {
				return err
			}
			defer p.Stop()
			address = p.Addr
		}
		f, err := open(backend, address, "")
		if err != nil {
			return err
		}
		defer f.Stop()
		before := f.Resident()
		var added []float64
		for range min(r.rounds, 5) {
			slow, fast, err := rig.Paced(f.visitors, plain.visitors, r.rate, r.length)
			if err != nil {
				return err
			}
			added = append(added, float64((slow - fast).Microseconds()))
		}
		if _, _, err := rig.Load(f.visitors, r.length); err != nil {
			return err
		}
		if err := f.say("shadow side %-8s added p99 %.0f us (bar: 1000); memory %d -> %d MiB (bar: 64 more)", side+":", rig.Median(added),
			before>>10, f.Resident()>>10); err != nil {
			return err
		}
	}
	return nil
}
