package assess

import (
	"slices"

	"github.com/banyan-migration/banyan/shared/accesslog"
)

// The three names under which a page is asked for (D-8).
const (
	byPath  = iota // /about-us
	byNode         // /node/1
	byQuery        // /?q=about-us
	spellings
)

// seen is what one method of one address, or of one pattern of addresses, got.
type seen struct {
	requests, bots, errors int64
	bytes                  int64
	statuses               []status
	took                   spread
	seconds, minutes       tally
	hours                  tally
	spelled                [spellings]int64
	addresses              names // of a pattern
	strangers              names // those of them that the database does not have
	strange                int64 // requests for those
}

type status struct {
	code int
	n    int64
}

func newSeen(r *room) *seen {
	return &seen{seconds: tally{room: r}, minutes: tally{room: r}, hours: tally{room: r}}
}

func (s *seen) add(l accesslog.Line, unix int64, bot bool) {
	s.requests++
	s.bytes += l.Bytes
	if bot {
		s.bots++
	}
	if l.Status >= 500 {
		s.errors++
	}
	if l.Duration > 0 {
		s.took.add(l.Duration.Microseconds())
	}
	s.count(l.Status, 1)
	s.seconds.add(unix)
	s.minutes.add(floor(unix, 60))
	s.hours.add(floor(unix, 3600))
}

func (s *seen) count(code int, n int64) {
	at := slices.IndexFunc(s.statuses, func(a status) bool { return a.code == code })
	if at < 0 {
		s.statuses = append(s.statuses, status{code, n})
		return
	}
	s.statuses[at].n += n
}

func (s *seen) merge(o *seen) {
	s.requests, s.bots, s.errors, s.bytes = s.requests+o.requests, s.bots+o.bots, s.errors+o.errors, s.bytes+o.bytes
	for _, a := range o.statuses {
		s.count(a.code, a.n)
	}
	s.took.merge(&o.took)
	s.seconds.merge(&o.seconds)
	s.minutes.merge(&o.minutes)
	s.hours.merge(&o.hours)
	for i := range s.spelled {
		s.spelled[i] += o.spelled[i]
	}
	s.addresses.merge(o.addresses)
	s.strangers.merge(o.strangers)
	s.strange += o.strange
}

// answered says that something stood behind the address: a page, a redirect, a refusal, or a server that broke.
func answered(code int) bool {
	return code >= 200 && code < 400 || code == 401 || code == 403 || code >= 500
}

// any says whether one of the statuses is such.
func (s *seen) any(such func(int) bool) bool {
	return slices.ContainsFunc(s.statuses, func(a status) bool { return such(a.code) })
}
