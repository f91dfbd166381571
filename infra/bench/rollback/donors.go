package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// donors is how many people ask, each by turns through both gateways, one request at a time.
const donors = 50

// asked is one request and who answered it.
type asked struct {
	began, ended time.Time
	fresh        bool
	err          error
}

// run has donors ask at a rate, rolls the group back in the midst, and says what came of it.
func run(dir string, rate int, before, after time.Duration) (r result, err error) {
	ctx := context.Background()
	s, err := open(ctx, dir)
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return result{}, err
	}
	began := time.Now()
	due := began.Add(before)
	all := make([][]asked, donors)
	var asking sync.WaitGroup
	for i := range all {
		asking.Go(func() { all[i] = ask(s.gateways, i, rate, began, due.Add(after)) })
	}
	time.Sleep(time.Until(due))
	called := time.Now()
	group, err := s.plans[0].Rollback(ctx, cutover.Change{Group: "appeal", Who: "bench-rollback", Why: "to see how long it takes"})
	committed := time.Since(called)
	asking.Wait()
	if err == nil && group.Weight != 0 {
		err = fmt.Errorf("the rollback left weight %d", group.Weight)
	}
	r = sum(all, called)
	r.committed, r.rate = committed, float64(r.sent)/time.Since(began).Seconds()
	return r, err
}

// ask is one donor: at a steady pace, by the clock, whatever the answers take.
func ask(gateways [2]string, donor, rate int, began, end time.Time) (all []asked) {
	pace := donors * time.Second / time.Duration(rate)
	var lines [2]*line
	for i, addr := range gateways {
		lines[i] = &line{addr: addr, request: fmt.Sprintf("GET /appeal HTTP/1.1\r\nHost: www.rednosefund.example\r\nX-Donor: %d\r\n\r\n", donor)}
		defer lines[i].hangUp()
	}
	at := began.Add(pace * time.Duration(donor) / donors)
	for n := 0; at.Before(end); n++ {
		time.Sleep(time.Until(at))
		all = append(all, lines[n%2].ask())
		at = at.Add(pace)
	}
	return all
}

// line is a donor's connection to one gateway, made anew after a failure.
type line struct {
	addr, request string
	conn          net.Conn
	answers       *bufio.Reader
}

func (l *line) hangUp() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

func (l *line) ask() asked {
	a := asked{began: time.Now()}
	body, err := l.exchange()
	if a.ended, a.fresh, a.err = time.Now(), body == "new", err; err != nil {
		l.hangUp()
	}
	return a
}

func (l *line) exchange() (string, error) {
	if l.conn == nil {
		conn, err := net.Dial("tcp", l.addr)
		if err != nil {
			return "", err
		}
		l.conn, l.answers = conn, bufio.NewReader(conn)
	}
	if _, err := io.WriteString(l.conn, l.request); err != nil {
		return "", err
	}
	answer, err := http.ReadResponse(l.answers, nil)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if text := string(body); err == nil && (answer.StatusCode != http.StatusOK || text != "new" && text != "legacy") {
		err = fmt.Errorf("answered %s: %.80q", answer.Status, text)
	}
	return string(body), err
}

// sum looks at every donor by what was answered before the call, and by what was asked from a second after it on; in between replicas
// may differ.
func sum(all [][]asked, called time.Time) (r result) {
	r.donors = len(all)
	for _, requests := range all {
		var sides [2][2]bool // before and after; legacy and new
		for _, a := range requests {
			r.sent++
			since := a.began.Sub(called)
			switch {
			case a.err != nil:
				if r.failed++; r.why == nil {
					r.why = a.err
				}
				continue
			case a.ended.Before(called):
				sides[0][side(a)] = true
			case since >= within:
				sides[1][side(a)] = true
			}
			if a.fresh {
				r.force = max(r.force, since)
				if since >= within {
					r.late++
				}
			}
		}
		if sides[0][1] {
			r.moved++
		}
		if slices.Contains(sides[:], [2]bool{true, true}) {
			r.torn++
		}
	}
	return r
}

func side(a asked) int {
	if a.fresh {
		return 1
	}
	return 0
}
