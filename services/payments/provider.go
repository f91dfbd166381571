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

// takers are the providers that could take a payment now: they take its method and have not failed this wish before.
func (s *service) takers(p *payment) []*provider {
	return slices.DeleteFunc(slices.Clone(s.providers), func(x *provider) bool {
		return !x.takes(p.Method, p.Book) || slices.ContainsFunc(p.Attempts[p.Since:], func(a attempt) bool { return a.PSP == x.name && a.State == failedUnsent })
	})
}

// choose picks the provider for a payment's next attempt, before any card is typed (PAY-23). open is false where none
// takes the method at all; nil and true: none that does is well, and this is no time for a probe.
func (s *service) choose(p *payment) (x *provider, open bool) {
	fit := s.takers(p)
	open = len(fit) > 0
	for len(fit) > 0 {
		i := draw(fit, p.ID)
		if fit[i].health.allow(s.now()) {
			return fit[i], true
		}
		fit = slices.Delete(fit, i, i+1)
	}
	return nil, open
}

// draw picks by weight and the payment's id, so that a repetition picks the same. Those of weight 0 are picked only
// among themselves.
func draw(from []*provider, id string) int {
	sum := 0
	for _, x := range from {
		sum += x.weight
	}
	if sum == 0 {
		return 0
	}
	hash := sha256.Sum256([]byte(id))
	n := int(binary.BigEndian.Uint32(hash[:4]) % uint32(sum))
	for i, x := range from {
		if n -= x.weight; n < 0 {
			return i
		}
	}
	return 0
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
