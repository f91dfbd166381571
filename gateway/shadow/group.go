package shadow

import (
	"sync/atomic"
	"time"
)

// Drop is why a copy was not made. The zero Drop is None: it was.
type Drop uint8

// The reasons. A reason is a metric's label and, after "dropped:", the access log's word.
const (
	None        Drop = iota
	Queue            // the oldest of a full queue
	Memory           // copies hold all the memory that they may
	Body             // the request's body is over 64 KB (H-3)
	Breaker          // the other side is dead
	Budget           // the day's copies are made
	Freeze           // paused by the calendar or by a person
	Trouble          // legacy itself fails or is slow (H-8)
	Kill             // the kill switch
	Client           // the donor left, or the gateway itself refused: there is nothing to compare
	Conditional      // the donor got a 304 or a part of the page
	Unproven         // a write, and the new side has not shown that it keeps nothing of shadows (H-10)
	Foreign          // a post that only legacy reads
	Unread           // the row that legacy stored cannot be found
	Closed           // the gateway ends
	drops
)

var dropNames = [drops]string{"none", "queue", "memory", "body", "breaker", "budget", "freeze", "legacy_trouble", "kill", "client", "conditional",
	"unproven", "foreign", "unread", "closed"}

var logged = func() (all [drops]string) {
	for i, name := range dropNames {
		all[i] = "dropped:" + name
	}
	all[None] = "sampled"
	return all
}()

func (d Drop) String() string { return dropNames[d] }

// Logged is the access log's word for what became of a copy.
func (d Drop) Logged() string { return logged[d] }

// The results of copies that were made: ok, or how the other side failed.
const (
	resultOK = iota
	resultConnect
	resultTLS
	resultClosed
	resultMalformed
	resultTimeoutHead
	resultTimeoutBody
	resultTruncated
	results
)

// resultNames are those of the blame classes, so that one word means one thing in all metrics.
var resultNames = [results]string{"ok", "upstream_connect", "upstream_tls", "upstream_closed", "upstream_malformed", "upstream_timeout_head",
	"upstream_timeout_body", "upstream_truncated"}

// Group is what is known of one route group's copies. It is safe for concurrent use.
type Group struct {
	Name   string
	c      *Copier
	health health

	results [results]atomic.Int64
	replays [results]atomic.Int64
	drops   [drops]atomic.Int64
	pairs   [len(outcomes)]atomic.Int64
}

func (g *Group) dropped(why Drop) Drop {
	g.drops[why].Add(1)
	return why
}

// Skip counts a request of the sample that the engine itself gives no copy, and returns why.
func (g *Group) Skip(why Drop) Drop { return g.dropped(why) }

// Heed learns how legacy does from a request of the sample that it answered, copied or not.
func (g *Group) Heed(at time.Time, failed bool, took time.Duration) { g.health.add(at, failed, took) }
