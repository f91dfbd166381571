// Package payments takes the money: one charge for one gift, whoever asks and however often, through acquirers behind
// one port, with a ledger that always sums to nothing. It knows no donor beyond what an acquirer needs.
package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
)

// service is payments' dependencies and what they are configured to.
type service struct {
	config
	store     kv.Store
	payments  kv.Table[payment]
	providers []*provider
	client    *http.Client
	now       func() time.Time
	newID     func() string
	log       *slog.Logger
}

// New starts the service: it reads its environment and opens no connection.
func New(env host.Env) (host.Service, error) {
	c, err := readConfig(env.Getenv)
	if err != nil {
		return host.Service{}, err
	}
	s := &service{config: c, store: env.Store, payments: kv.Table[payment]{Store: env.Store, Name: "payment", Parts: 16},
		client: env.Client, now: env.Now, newID: env.NewID, log: env.Log}
	s.providers = s.connect()
	return host.Service{HTTP: s.routes(), Queue: s.queue, Tick: s.tick}, nil
}

// begin finds the payment that p would be, or keeps p. by is the id of the message that asks, by which its repetition is
// known; empty: a donor clicked. fresh says that an attempt was just opened and kept, and that its call is ours to make.
func (s *service) begin(ctx context.Context, p payment, by string) (_ payment, rev kv.Condition, fresh bool, err error) {
	method := p.Method
	rev = kv.Absent
	for range tries {
		if rev != kv.Absent {
			if p.state() != refused || by != "" && slices.Contains(p.Seen, by) {
				return p, rev, false, nil
			}
			p.Method = method // a donor who tries again may bring another card
		}
		if by != "" {
			p.Seen = append(p.Seen, by)
		}
		var c change
		if c, err = s.first(&p, by); err != nil {
			return p, rev, false, err
		}
		err = s.save(ctx, &p, rev, c)
		switch {
		case err == nil:
			return p, max(rev, 0) + 1, p.open() != nil, nil
		case !errors.Is(err, kv.ErrConflict):
			return p, rev, false, err
		}
		if p, rev, err = s.load(ctx, p.ID); err != nil {
			return p, rev, false, err
		}
	}
	return p, rev, false, crowded(p.ID)
}

// first opens the attempt of a wish, or says why none can be. A message is its own reminder until it is taken; a click
// is not, so that the sweeper must know of it. Nobody waits before a message: while no acquirer is well, the payment
// does (PAY-28).
func (s *service) first(p *payment, by string) (c change, err error) {
	p.Since = len(p.Attempts)
	x, open := s.choose(p)
	switch {
	case len(p.Attempts) >= most:
		c.say(event.PaymentsRefused, event.Refused{Sequence: p.Sequence, Payment: p.ID,
			Text: "This gift has been tried too often. You have not been charged: please begin again tomorrow, or write to us."})
	case !open:
		c.say(event.PaymentsRefused, event.Refused{Sequence: p.Sequence, Payment: p.ID, Retry: true,
			Text: "This way to pay is not open here. You have not been charged: please choose another."})
		p.Method = "" // whatever it was, it is nothing to keep (PCI-2)
	case x != nil:
		p.try(x.name, p.Method == "", s.now())
		if by == "" {
			p.schedule(s.now())
		}
	case by == "":
		return c, &fault.Error{Kind: fault.Unavailable, Text: "The card provider does not answer at the moment. You have not been charged: please try again in a minute",
			Err: errors.New("payments: every acquirer that takes it has its breaker open (PAY-28)")}
	default:
		p.Waiting = true
		p.schedule(s.now())
	}
	return c, nil
}

// most is how many attempts one gift may have: enough for a donor's purse, too few to try out stolen cards (ABUSE-6).
const most = 10

// resume opens the attempt of a payment that has waited; without one that is well it goes on waiting.
func (s *service) resume(ctx context.Context, p payment, rev kv.Condition) (payment, kv.Condition, bool, error) {
	opened := false
	p, rev, err := s.revise(ctx, p, rev, func(p *payment) (change, bool, error) {
		opened = false
		if !p.Waiting {
			return change{}, false, nil
		}
		if x, _ := s.choose(p); x != nil {
			p.Waiting, opened = false, true
			p.try(x.name, false, s.now())
		}
		return change{}, true, nil
	})
	return p, rev, opened, err
}

// collect calls the acquirer for the open attempt and believes what it says; where nothing could be sent and another
// acquirer takes the method, it goes on there. again: the call may have been made before, so that it only asks.
func (s *service) collect(ctx context.Context, p payment, rev kv.Condition, again bool) (payment, error) {
	for {
		a := p.open()
		if a == nil || a.State != submitted && !again {
			return p, nil
		}
		id, x := a.ID, s.provider(a.PSP)
		if x == nil || x.at(p.Book) == nil {
			return p, fmt.Errorf("payments: %s is open at %s, which PAYMENTS_PROVIDERS does not name: name it, perhaps with weight 0, until it is resolved", a.ID, a.PSP)
		}
		ask := x.at(p.Book).Charge
		if again {
			ask = x.at(p.Book).Ask
		}
		r := ask(ctx, p.order(a, s.back(p.For.ID)))
		x.health.saw(r.Down, s.now())
		if r.Err != nil {
			s.log.WarnContext(ctx, "acquirer", "psp", x.name, "attempt", id, "state", r.State, "error", r.Err.Error())
		}
		var err error
		if p, rev, err = s.believe(ctx, p, rev, id, r); err != nil {
			return p, err
		}
		if next := p.open(); next == nil || next.ID == id {
			return p, nil
		}
		again = false
	}
}

// believe keeps an acquirer's answer. p and rev are what was last read; somebody else may have changed it meanwhile.
func (s *service) believe(ctx context.Context, p payment, rev kv.Condition, attempt string, r result) (payment, kv.Condition, error) {
	return s.revise(ctx, p, rev, func(p *payment) (change, bool, error) {
		elsewhere := func() *provider { x, _ := s.choose(p); return x }
		c, changed := p.learn(attempt, r, elsewhere, s.fees, s.now())
		if !changed && p.open() != nil && p.open().ID == attempt {
			p.Asked++ // nothing new: ask again, later
			changed = true
		}
		return c, changed, nil
	})
}

// tries is how often a commit is tried against others' before the message or the caller must come again.
const tries = 10

func crowded(id string) error {
	return &fault.Error{Kind: fault.Unavailable, Text: "Please try again in a moment", Err: fmt.Errorf("payments: %s was changed by others %d times in a row", id, tries)}
}

// revise changes a payment and keeps it with what that causes, all or none, on the condition that nobody else did
// meanwhile; else it reads it again and again asks change, which must not act on the world.
func (s *service) revise(ctx context.Context, p payment, rev kv.Condition, change func(*payment) (change, bool, error)) (payment, kv.Condition, error) {
	for range tries {
		c, changed, err := change(&p)
		if err != nil || !changed {
			return p, rev, err
		}
		p.schedule(s.now())
		err = s.save(ctx, &p, rev, c)
		if err == nil {
			return p, rev + 1, nil
		}
		if !errors.Is(err, kv.ErrConflict) {
			return p, rev, err
		}
		if p, rev, err = s.load(ctx, p.ID); err != nil {
			return p, rev, err
		}
	}
	return p, rev, crowded(p.ID)
}

// save writes a payment, its ledger entries, its messages and its place among those that are due, in one commit.
func (s *service) save(ctx context.Context, p *payment, on kv.Condition, c change) error {
	messages := make([]event.Message, len(c.says))
	for i, say := range c.says {
		messages[i] = event.New(s.newID(), say.kind, s.now(), p.For, say.data)
		messages[i].Trace = p.Trace
		if p.Book == testBook {
			messages[i].Mark = mark.Test
		}
	}
	writes := []kv.Write{s.payments.Put(p.ID, *p, on, messages...)}
	if !p.Due.Equal(p.listed) {
		writes = append(writes, relist(p)...)
	}
	err := s.write(ctx, c, p.Book, writes...)
	if err == nil {
		p.listed = p.Due
	}
	return err
}

// load reads a payment and its revision.
func (s *service) load(ctx context.Context, id string) (payment, kv.Condition, error) {
	p, rev, err := s.payments.Get(ctx, id)
	p.listed = p.Due
	return p, rev, err
}

func (s *service) write(ctx context.Context, c change, book string, writes ...kv.Write) error {
	for _, e := range c.entries {
		if err := e.check(); err != nil {
			return err
		}
		writes = append(writes, ledger(s.store, book).Put(e.Ref, e, kv.Absent))
	}
	return s.store.Commit(ctx, writes...)
}

func (s *service) provider(name string) *provider {
	for _, x := range s.providers {
		if x.name == name {
			return x
		}
	}
	return nil
}
