package gateway

import (
	"net/netip"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/route"
)

// rates counts what each address posts to routes that limit it: a bucket of as many posts as a minute allows, refilled evenly.
type rates struct {
	mu  sync.Mutex
	all map[poster]*bucket
}

// poster is an address and what it posts to. All names of a form are one thing, and a reload forgets nobody.
type poster struct {
	group, rule string
	node        int
	from        netip.Prefix // an IPv6 household has a whole /64
}

func posterOf(on *route.Route, from netip.Prefix) poster {
	if on.Form != nil {
		return poster{group: on.Group.Name, node: on.Form.Node, from: from}
	}
	return poster{group: on.Group.Name, rule: on.ID, from: from}
}

type bucket struct {
	posts float64
	at    time.Time
}

func newRates() *rates { return &rates{all: map[poster]*bucket{}} }

// allow says whether an address may post now, or else after how long.
func (r *rates) allow(on *route.Route, from netip.Addr, now time.Time) (bool, time.Duration) {
	bits := 32
	if from = from.Unmap(); from.Is6() {
		bits = 64
	}
	prefix, _ := from.Prefix(bits) // an invalid address is one poster, the zero Prefix
	perMinute := float64(on.Options.MaxRate)
	r.mu.Lock()
	defer r.mu.Unlock()
	k := posterOf(on, prefix)
	b := r.all[k]
	if b == nil {
		b = &bucket{posts: perMinute, at: now}
		r.all[k] = b
	}
	b.posts = min(perMinute, b.posts+perMinute*now.Sub(b.at).Minutes())
	b.at = now
	if b.posts < 1 {
		return false, time.Duration((1 - b.posts) / perMinute * float64(time.Minute))
	}
	b.posts--
	return true, 0
}

// forget drops the buckets that are full again.
func (r *rates) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, b := range r.all {
		if now.Sub(b.at) > time.Minute {
			delete(r.all, k)
		}
	}
}
