package payments

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// testMethod is what a form without a card uses; only a test acquirer takes it.
const testMethod = "test"

// provider is an acquirer as we use it: how much of the traffic it gets, and whether it is well.
type provider struct {
	name   string
	weight int      // its share of what any could take; 0: only what no other takes
	live   acquirer // nil: not configured
	test   acquirer // for payments marked as test; nil: they are refused
	safe   bool     // live is a test account, so that "test" may be charged
	hear   hear     // reads its webhooks
	health *breaker
}

func (p *provider) at(book string) acquirer {
	if book == testBook {
		return p.test
	}
	return p.live
}

// takes says whether a method can be charged here: a token belongs to the acquirer whose page made it (PAY-23); the
// shared vault's belong to both; no method is the acquirer's own page.
func (p *provider) takes(method, book string) bool {
	switch {
	case p.at(book) == nil, cardNumber.MatchString(method):
		return false
	case method == testMethod:
		return p.name == "stripe" && (p.safe || book == testBook)
	case method == "", strings.HasPrefix(method, "vault:"):
		return true
	case strings.HasPrefix(method, "pm_"):
		return p.name == "stripe"
	case strings.HasPrefix(method, "https://"): // Worldpay's tokens are links
		return p.name == "worldpay"
	}
	return false
}

// cardNumber is what no token contains and nobody may send us: it is refused and not kept (PCI-1, PCI-2).
var cardNumber = regexp.MustCompile(`(^|[^0-9])([0-9][ -]?){12,18}[0-9]($|[^0-9])`)

// choose picks the provider for an attempt of a payment: among those that take the method and have not been tried, by
// weight and the payment's id, so that a repetition chooses the same; those that are not well come last. nil: none.
func choose(all []*provider, p *payment, now time.Time) *provider {
	fit := slices.DeleteFunc(slices.Clone(all), func(x *provider) bool {
		return !x.takes(p.Method, p.Book) || slices.ContainsFunc(p.Attempts, func(a attempt) bool { return a.PSP == x.name && a.State == failedUnsent })
	})
	well := slices.DeleteFunc(slices.Clone(fit), func(x *provider) bool { return !x.health.closed(now) })
	if len(well) > 0 {
		fit = well
	}
	sum := 0
	for _, x := range fit {
		sum += x.weight
	}
	if sum == 0 {
		if len(fit) == 0 {
			return nil
		}
		return fit[0]
	}
	hash := sha256.Sum256([]byte(p.ID))
	draw := int(binary.BigEndian.Uint32(hash[:4]) % uint32(sum))
	for _, x := range fit {
		if draw -= x.weight; draw < 0 {
			return x
		}
	}
	return nil
}

// weights reads "stripe=100 worldpay=0": who is used, and how much of what any could take each gets.
func weights(text string) (map[string]int, error) {
	out := map[string]int{}
	for _, word := range strings.Fields(text) {
		name, number, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n > 10000 || name != "stripe" && name != "worldpay" {
			return nil, fmt.Errorf("PAYMENTS_PROVIDERS: %q: want as stripe=100 worldpay=0, each 0 to 10000", word)
		}
		out[name] = n
	}
	return out, nil
}

// breaker keeps a failing acquirer from making every donor wait (PAY-28). It opens when of the last calls at least ten
// and half failed, and lets a probe through each half minute until one succeeds. Safe for concurrent use; each process
// has its own.
type breaker struct {
	mu     sync.Mutex
	last   [20]bool // true: failed
	n      int      // calls seen
	opened time.Time
	probed time.Time
}

const (
	enough = 10
	probe  = 30 * time.Second
)

// closed says that the acquirer is well, as far as we know.
func (b *breaker) closed(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened.IsZero()
}

// allow says whether a call may be made now. While open it is one in half a minute: the probe.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened.IsZero() {
		return true
	}
	if now.Sub(b.probed) < probe {
		return false
	}
	b.probed = now
	return true
}

// saw counts a call.
func (b *breaker) saw(failed bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.opened.IsZero() {
		if !failed {
			b.opened, b.n = time.Time{}, 0
		}
		return
	}
	b.last[b.n%len(b.last)] = failed
	b.n++
	bad := 0
	for _, f := range b.last[:min(b.n, len(b.last))] {
		if f {
			bad++
		}
	}
	if seen := min(b.n, len(b.last)); seen >= enough && bad*2 >= seen {
		b.opened, b.probed = now, now
	}
}
