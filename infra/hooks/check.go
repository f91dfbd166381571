package main

import (
	"context"
	"errors"
	"fmt"
)

// check asks one service for what only it does.
type check struct {
	run   func(context.Context, *trial) error
	signs bool // it writes, marked as test
}

// checks are by service. One that is not here is asked for its health alone.
var checks = map[string]check{
	"donate":   {donate, true},
	"payments": {payments, true},
	"postcode": {postcode, false},
}

func signs(service string) bool { return checks[service].signs }

func (t *trial) run(ctx context.Context) error {
	if err := t.health(ctx); err != nil {
		return err
	}
	if c, has := checks[t.service]; has {
		return c.run(ctx, t)
	}
	t.log.Warn("nothing but its health was asked: infra/hooks has no check of this service")
	return nil
}

type switched struct {
	State string `json:"state"`
}

// health: a paused service is healthy and takes nothing, so that a new version of it proves nothing either.
func (t *trial) health(ctx context.Context) error {
	for _, page := range []string{"health", "state"} {
		what := "GET /" + t.service + "/" + page
		s, err := answer[switched](ctx, t, t.version, what, request{method: "GET", target: "/" + t.service + "/" + page}, 200)
		if err != nil {
			return err
		}
		if s.State != "OK" {
			return fmt.Errorf("%s: the service is %s: somebody has paused it (PUT /%s/state); deploy when it is OK again", what, s.State, t.service)
		}
	}
	return nil
}

type amount struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

type gift struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Giving string `json:"giving"`
	Amount amount `json:"amount"`
}

var ten = amount{1000, "GBP"}

// give makes a gift at donate, or finds the one that it made before.
func (t *trial) give(ctx context.Context, function string) (gift, error) {
	const what = "POST /donations, a test gift"
	g, err := answer[gift](ctx, t, function, what, request{method: "POST", target: "/donations", key: t.once, body: map[string]any{
		"amount": "10.00", "giving": "single", "first_name": "Deployment", "last_name": "Hook", "email": "hook@banyan.example",
	}}, 201)
	if err != nil {
		return g, err
	}
	if g.ID == "" {
		return g, errors.New(what + ": the gift has no id")
	}
	return g, expect(what, field{"state", g.State, "pending"}, field{"amount", g.Amount, ten}, field{"giving", g.Giving, "single"})
}

// donate: a gift is taken, once, and is there afterwards.
func donate(ctx context.Context, t *trial) error {
	g, err := t.give(ctx, t.version)
	if err != nil {
		return err
	}
	again, err := t.give(ctx, t.version)
	if err != nil {
		return fmt.Errorf("sent again with its Idempotency-Key: %w", err)
	}
	if err := expect("the same gift sent twice", field{"id", again.ID, g.ID}); err != nil {
		return err
	}
	const what = "GET /donations/{id}"
	kept, err := answer[gift](ctx, t, t.version, what, request{method: "GET", target: "/donations/" + g.ID}, 200)
	if err != nil {
		return err
	}
	return expect(what, field{"id", kept.ID, g.ID}, field{"state", kept.State, "pending"}, field{"amount", kept.Amount, ten})
}

type address struct {
	Line1    string `json:"Line1"`
	Town     string `json:"posttown"`
	Postcode string `json:"postcode"`
}

// found is not enveloped: the forms that ask have always read it so.
type found struct {
	Addresses []address `json:"addresses"`
	Message   string    `json:"message"`
}

// postcode: one that is known has its addresses, nonsense has none and says so.
func postcode(ctx context.Context, t *trial) error {
	asked := t.getenv("POSTCODE")
	if asked == "" {
		asked = "SE1 7TP"
	}
	what := "GET /postcode/lookup of " + asked
	var f found
	if err := t.ask(ctx, t.version, what, request{method: "GET", target: "/postcode/lookup?query=" + escape(asked)}, 200, &f); err != nil {
		return err
	}
	if len(f.Addresses) == 0 {
		return fmt.Errorf("%s: no addresses (%s): is the Layer there, and is POSTCODE one that it has?", what, short(f.Message))
	}
	for _, a := range f.Addresses {
		if err := expect(what, field{"postcode", a.Postcode, asked}, field{"an address's line or town is empty", a.Line1 == "" || a.Town == "", false}); err != nil {
			return err
		}
	}
	const nonsense = "GET /postcode/lookup of nonsense"
	f = found{}
	if err := t.ask(ctx, t.version, nonsense, request{method: "GET", target: "/postcode/lookup?query=nonsense"}, 200, &f); err != nil {
		return err
	}
	return expect(nonsense, field{"addresses", len(f.Addresses), 0}, field{"says that it is no postcode", f.Message != "", true})
}
