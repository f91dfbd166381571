package donate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
)

// teller tells the gateway what became of the posts that it sent here, by their request ids, so that its judge sees a
// gift that does not become a payment. The zero teller tells nothing.
type teller struct {
	url, key string
	client   *http.Client
	waiting  kv.Table[outcome] // by request id: what is to be told with the next Tick
}

// outcome is what became of a post.
type outcome struct {
	Request string `json:"request"`
	OK      bool   `json:"ok"`
}

// newTeller checks where to tell. An empty address is allowed: then nobody asks.
func newTeller(to, key string, client *http.Client, store kv.Store) (teller, error) {
	if to == "" {
		return teller{}, nil
	}
	u, err := url.Parse(to)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return teller{}, fmt.Errorf("OUTCOMES_URL: %q is no address: want that of the gateway's admin API, as https://gateway.example:9090/v1/outcomes, or nothing", to)
	case key == "":
		return teller{}, errors.New("OUTCOMES_KEY is not set: a token of the gateway's admin API with the role report, since OUTCOMES_URL is set")
	}
	return teller{to, key, client, kv.Table[outcome]{Store: store, Name: "outcome"}}, nil
}

// outcomes are what there is to tell of a gift: nothing while nothing is known, of marked ones, and of those that no post made.
func (g Gift) outcomes() (all []outcome) {
	if g.Request == "" || g.Mark != "" || g.Settled == nil && g.Refused == nil {
		return nil
	}
	for _, request := range append([]string{g.Request}, g.Again...) {
		all = append(all, outcome{request, g.Settled != nil})
	}
	return all
}

// mostAgain bounds the repetitions of a post that are told of.
const mostAgain = 10

// repeated keeps the request of a post that was answered with a gift that there was: it is accepted like the first, and the
// gateway waits for its outcome too.
func (s *service) repeated(ctx context.Context, id, request string) error {
	if s.teller.url == "" {
		return nil
	}
	return s.revise(ctx, id, func(g *Gift) bool {
		if request == "" || request == g.Request || slices.Contains(g.Again, request) || len(g.Again) == mostAgain {
			return false
		}
		g.Again = append(slices.Clone(g.Again), request)
		return true
	})
}

// writes are those that go with a fact's commit: an outcome that is new with it. A gift that is refused and then settled
// before the next Tick is told as settled alone.
func (t teller) writes(before, after Gift) (all []kv.Write) {
	if t.url == "" {
		return nil
	}
	told := before.outcomes()
	for _, o := range after.outcomes() {
		if !slices.Contains(told, o) {
			all = append(all, t.waiting.Put(o.Request, o, kv.Always))
		}
	}
	return all
}

// The bounds of one Tick: whatever is over waits for the next.
const (
	tellAtOnce = 100
	tellTurns  = 50
	tellWithin = 10 * time.Second
)

// tell posts what waits. It is told at least once: a crash between the post and its mark tells it again.
func (t teller) tell(ctx context.Context) error {
	for range tellTurns {
		if t.url == "" {
			return nil
		}
		rows, _, err := t.waiting.List(ctx, "", tellAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		all := make([]outcome, len(rows))
		for i, row := range rows {
			all[i] = row.Value
		}
		if err := t.post(ctx, all); err != nil {
			return fmt.Errorf("donate: %d outcomes wait for the next tick: %w", len(all), err)
		}
		for _, row := range rows {
			told := kv.Write{Key: t.waiting.Key(row.ID), Delete: true, If: row.Rev}
			if err := t.waiting.Store.Commit(ctx, told); err != nil && !errors.Is(err, kv.ErrConflict) { // a conflict: there is newer to tell
				return err
			}
		}
	}
	return nil
}

func (t teller) post(ctx context.Context, all []outcome) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	body, err := json.Marshal(all)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+t.key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := t.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 500)) // for the log alone
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("OUTCOMES_URL answers %s: %.500s", answer.Status, said)
	}
	return nil
}
