// Package split says which side takes a request: a bucket drawn from a salt and a key, a weight, and the signed
// words by which a visitor is known or a tester asks for a side. It is arithmetic alone: no clock, no state, no I/O.
package split

import (
	"crypto/sha256"
	"encoding/binary"
)

// Full is the weight at which everybody is on the new side; weights are basis points, 0 to Full.
const Full = 10000

// Side is one of the two sides of a route group.
type Side uint8

// The sides. The zero Side is Legacy, so that a forgotten one moves nobody.
const (
	Legacy Side = iota
	New
)

func (s Side) String() string {
	if s == New {
		return "new"
	}
	return "legacy"
}

// Reason says why a request went where it went; its text is what the access log and explain show (L-12).
type Reason uint8

// The reasons, in the order in which they are asked (S-3). Form covers a done page that goes by its sid and a form
// in flight; Asset, Pin and Fallback are given by the engine alone.
const (
	ByDefault    Reason = iota // no route of a group: the default backend
	ByKill                     // the kill switch
	Noncanonical               // a path or a body that only legacy may judge (W-7, W-11, W-43)
	Uncertain                  // a query that PHP may read otherwise than we do (W-13)
	ByOverride                 // a signed X-Banyan-Side
	ByPin                      // a write of this visitor that the other side has not seen
	ByForm                     // the page of a form already sent (D-7, D-11)
	ByAsset                    // a file that follows the owner of its page
	ByBreaker                  // the new side failed so badly here that the gateway takes its visitors back (J-1)
	ByBucket                   // the draw
	ByFallback                 // the other side failed before it answered (W-79)
)

var reasons = [...]string{"default", "kill", "noncanonical", "uncertain", "override", "pin", "form", "asset", "breaker", "bucket", "fallback"}

func (r Reason) String() string {
	if int(r) >= len(reasons) {
		return reasons[ByDefault]
	}
	return reasons[r]
}

// Facts is what is known of a request of a group when its side is chosen.
type Facts struct {
	Killed       bool // the group's kill switch is on
	Noncanonical bool // only legacy may judge it
	Override     Side // what a valid override asks for
	Overridden   bool // there is a valid override
	Form         Side // the side whose form this answers
	InForm       bool // it answers a form, or is a form's done page
	Broken       bool // the catastrophe breaker is open: the weight is 0 whatever the plan says
	Bucket       int  // 0 to Full-1
	Weight       int  // 0 to Full
}

// Decide is S-3: the one order in which a side is chosen, for the engine and for explain alike.
func Decide(f Facts) (Side, Reason) {
	switch {
	case f.Killed:
		return Legacy, ByKill
	case f.Noncanonical:
		return Legacy, Noncanonical
	case f.Overridden:
		return f.Override, ByOverride
	case f.InForm:
		return f.Form, ByForm
	case f.Broken:
		return Legacy, ByBreaker
	}
	return Draw(f.Bucket, f.Weight), ByBucket
}

// Draw is the side of a bucket at a weight: the new one for the weight's share of buckets, from 0 up, so that raising
// a weight moves nobody back (L-2).
func Draw(bucket, weight int) Side {
	if bucket < weight {
		return New
	}
	return Legacy
}

// Bucket draws a number from 0 to Full-1 from a group's salt and a request's key (S-1). The same salt and key give
// the same bucket on every replica, for ever. It does not allocate for keys up to 400 bytes.
func Bucket[K string | []byte](salt string, key K) int {
	var room [512]byte
	b := append(room[:0], salt...)
	b = append(b, ':')
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return int(binary.BigEndian.Uint64(sum[:8]) % Full)
}
