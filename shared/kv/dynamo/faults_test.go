package dynamo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/kvtest"
)

// first lets the first n calls that are not about tables meet a fault.
func first(n int, f fake.Fault) func(string) *fake.Fault {
	var met atomic.Int64
	return func(operation string) *fake.Fault {
		if strings.HasSuffix(operation, "Table") || met.Add(1) > int64(n) {
			return nil
		}
		return &f
	}
}

func key(sort string) kv.Key { return kv.Key{Part: "p", Sort: sort} }

func put(sort, data string, on kv.Condition, messages ...event.Message) kv.Write {
	return kv.Write{Key: key(sort), Data: []byte(data), If: on, Messages: messages}
}

func message(id string) event.Message {
	return event.New(id, "test.happened", kvtest.Noon, event.For{Service: "test", ID: "1"}, id)
}

// lies is what a key holds, "none" for nothing.
func lies(t *testing.T, s *store, sort string) string {
	t.Helper()
	item, err := s.Get(t.Context(), key(sort))
	if errors.Is(err, kv.ErrNotFound) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s@%d", item.Data, item.Rev)
}

func waiting(t *testing.T, s *store, sort string) (ids string) {
	t.Helper()
	all, err := s.Unsent(t.Context(), kv.ShardOf(key(sort)), 99)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		if u.Key == key(sort) {
			ids += u.Message.ID
		}
	}
	return ids
}

// passing are the ways in which DynamoDB says "not now".
var passing = map[string]fake.Fault{
	"provisioned": {Code: "ProvisionedThroughputExceededException"}, "on demand": {Code: "ThrottlingException"}, "account": {Code: "RequestLimitExceeded"},
	"another transaction": {Code: "TransactionConflictException"}, "in progress": {Code: "TransactionInProgressException"},
	"server": {Code: "InternalServerError", Status: 500}, "front end": {Status: 503}, "answer lost": {Lost: true},
	"moto":                    {Lost: true}, // it knows no token of a transaction
	"throttled transaction":   {Code: "TransactionCanceledException", Reasons: []string{"None", "ThrottlingError"}},
	"starved transaction":     {Code: "TransactionCanceledException", Reasons: []string{"ProvisionedThroughputExceeded", "None"}},
	"conflicting transaction": {Code: "TransactionCanceledException", Reasons: []string{"None", "TransactionConflict"}},
}

// Whatever passes is waited for, and what was asked is done once, even where it was done and the answer got lost.
func TestWhatPassesIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, f := range passing {
		synctest.Test(t, func(t *testing.T) {
			s, server := faked(t)
			server.Forgets = name == "moto"
			for what, step := range map[string]struct {
				writes []kv.Write
				is     string
			}{
				"one new":            {[]kv.Write{put("new", "1", kv.Absent, message("m"))}, "1@1"},
				"one revised":        {[]kv.Write{put("revised", "2", 1, message("m"))}, "2@2"},
				"one whatever":       {[]kv.Write{put("whatever", "2", kv.Always, message("m"))}, "2@2"},
				"one deleted":        {[]kv.Write{{Key: key("deleted"), Delete: true, If: 1}}, "none"},
				"several":            {[]kv.Write{put("several", "2", 1, message("m")), put("beside it", "1", kv.Absent)}, "2@2"},
				"one gone, why":      {[]kv.Write{{Key: key("gone"), Delete: true, If: 1, Messages: []event.Message{message("m")}}}, "none"},
				"one gone, whatever": {[]kv.Write{{Key: key("gone whatever"), Delete: true, Messages: []event.Message{message("m")}}}, "none"},
			} {
				sort := step.writes[0].Key.Sort
				if sort != "new" {
					if err := s.Commit(t.Context(), put(sort, "1", kv.Absent)); err != nil {
						t.Fatal(err)
					}
				}
				server.Faults = first(3, f)
				err := s.Commit(t.Context(), step.writes...)
				if what == "one deleted" && f.Lost && errors.As(err, new(errUnclear)) && !errors.Is(err, kv.ErrConflict) {
					err = nil // nothing is left that could say whose deletion it was
				}
				if err != nil {
					t.Errorf("%s, %s: %v", name, what, err)
				}
				server.Faults = nil
				if got := lies(t, s, sort); got != step.is {
					t.Errorf("%s, %s: %s, want %s", name, what, got, step.is)
				}
				if got := waiting(t, s, sort); len(step.writes[0].Messages) > 0 && got != "m" {
					t.Errorf("%s, %s: the messages %q wait, want one m", name, what, got)
				}
				server.Faults = first(3, f)
				if err := s.Sent(t.Context(), key(sort), "m"); err != nil || waiting(t, s, sort) != "" {
					t.Errorf("%s, %s: confirmed: %v", name, what, err)
				}
			}
		})
	}
}

// What does not pass is given up after a bounded time, with what became of the data and how to go on.
func TestWhatDoesNotPassIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, f := range passing {
		synctest.Test(t, func(t *testing.T) {
			s, server := faked(t)
			server.Faults = func(string) *fake.Fault { return &f }
			began := time.Now()
			err := s.Commit(t.Context(), put("a", "1", kv.Absent), put("b", "1", kv.Absent))
			if took := time.Since(began); took < time.Second || took > 16*time.Second {
				t.Errorf("%s: given up after %v", name, took)
			}
			if n := server.Asked("TransactWriteItems"); n != attempts {
				t.Errorf("%s: asked %d times", name, n)
			}
			want := "nothing of this was written"
			if f.Lost || f.Status != 0 || f.Code == "TransactionInProgressException" {
				want = "may or may not have been carried out"
			}
			if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "faked-donate") {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
			for what, read := range map[string]func() error{
				"get":    func() error { _, err := s.Get(t.Context(), key("a")); return err },
				"list":   func() error { _, err := s.List(t.Context(), "p", "", "", 9); return err },
				"unsent": func() error { _, err := s.Unsent(t.Context(), 0, 9); return err },
				"sent":   func() error { return s.Sent(t.Context(), key("a"), "m") },
			} {
				if err := read(); fault.KindOf(err) != fault.Unavailable {
					t.Errorf("%s, %s: %v", name, what, err)
				}
			}
		})
	}
}

// Those who are throttled together do not come back together.
func TestWaitsAreDrawn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, server := faked(t)
		seen := map[time.Duration]bool{}
		for n := range 8 {
			server.Faults = first(6, fake.Fault{Code: "ThrottlingException"})
			began := time.Now()
			if err := s.Commit(t.Context(), put(fmt.Sprint(n), "1", kv.Absent)); err != nil {
				t.Fatal(err)
			}
			seen[time.Since(began)] = true
		}
		if len(seen) < 8 {
			t.Errorf("eight throttled writers waited as long as each other: %v", seen)
		}
	})
}

// A condition that does not hold is told at once, whatever else was wrong with the transaction.
func TestConflictIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s, server := faked(t)
	if err := s.Commit(t.Context(), put("a", "1", kv.Absent)); err != nil {
		t.Fatal(err)
	}
	err := s.Commit(t.Context(), put("b", "1", kv.Absent), put("a", "2", 7))
	if !errors.Is(err, kv.ErrConflict) || server.Asked("TransactWriteItems") != 1 || lies(t, s, "b") != "none" || lies(t, s, "a") != "1@1" {
		t.Errorf("%v after %d attempts", err, server.Asked("TransactWriteItems"))
	}
	c := &commit{id: "mine", store: s, writes: []kv.Write{put("b", "1", kv.Absent), put("a", "2", 7)}, found: make([]state, 2)}
	if err := c.reasons(canceled("TransactionConflict", "ConditionalCheckFailed")); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("%v, want the conflict", err)
	}
	over := put("over", "1", kv.Always)
	over.Expires = kvtest.Noon
	commit1(t, s, over)
	err = s.Commit(t.Context(), put("over", "2", kv.Always), put("a", "2", 7), put("b", "1", kv.Absent))
	if !errors.Is(err, kv.ErrConflict) || server.Asked("TransactWriteItems") != 2 {
		t.Errorf("%v after %d attempts more", err, server.Asked("TransactWriteItems")-1)
	}
	if err := s.Commit(t.Context(), put("a", "2", 7)); !errors.Is(err, kv.ErrConflict) || server.Asked("UpdateItem") != 3 {
		t.Errorf("%v after %d attempts", err, server.Asked("UpdateItem"))
	}
}

// A caller's time ends the waiting: nobody sleeps past it.
func TestCallersTimeIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, server := faked(t)
		server.Faults = func(string) *fake.Fault { return &fake.Fault{Code: "ThrottlingException"} }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := s.Commit(ctx, put("a", "1", kv.Absent))
		if fault.KindOf(err) != fault.Unavailable || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := s.Get(ctx, key("a")); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the caller's own end", err)
		}
	})
}

// silent is a network that swallows the first calls.
type silent struct {
	calls  int
	server *fake.Server
}

func (c *silent) Do(r *http.Request) (*http.Response, error) {
	if c.calls--; c.calls >= 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return c.server.Do(r)
}

func TestSilenceIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := &silent{server: &fake.Server{}}
		s := empty(t, "silent", at("http://dynamodb.example", network))
		network.calls = 2
		began := time.Now()
		err := s.Commit(t.Context(), put("a", "1", kv.Absent))
		if took := time.Since(began); err != nil || took < 2*oneCall || took > 2*oneCall+time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// A commit whose answer got lost and that others have written over is no conflict: who counts, and is told of a conflict,
// counts again.
func TestLostAnswerThatOthersWroteOverIsNoConflict(t *testing.T) {
	t.Parallel()
	for name, condition := range map[string]kv.Condition{"new": kv.Absent, "revised": 1} {
		synctest.Test(t, func(t *testing.T) {
			s, server := faked(t)
			other := &store{db: &DB{client: dynamodb.New(s.db.client.Options(), at("http://dynamodb.example", server)), Now: s.db.Now}, table: s.table}
			if condition != kv.Absent {
				commit1(t, s, put("a", "0", kv.Absent))
			}
			calls := 0
			server.Faults = func(string) *fake.Fault {
				switch calls++; calls {
				case 1:
					return &fake.Fault{Lost: true}
				case 2: // before the second attempt
					commit1(t, other, put("a", "theirs", kv.Always))
				}
				return nil
			}
			err := s.Commit(t.Context(), put("a", "mine", condition))
			if err == nil || errors.Is(err, kv.ErrConflict) || !strings.Contains(err.Error(), "may or may not have been carried out") {
				t.Errorf("%s: %v, want it unclear", name, err)
			}
			if got := lies(t, s, "a"); !strings.HasPrefix(got, "theirs@") {
				t.Errorf("%s: %s lies there", name, got)
			}
		})
	}
}

// bodies notes how requests' bodies come.
type bodies struct{ writers int }

func (b *bodies) Do(r *http.Request) (*http.Response, error) {
	if _, is := r.Body.(io.WriterTo); is {
		b.writers++
	}
	return nil, io.ErrUnexpectedEOF
}

func TestBodiesDoNotWriteThemselves(t *testing.T) {
	t.Parallel()
	seen := &bodies{}
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(t.Context(), "faked", at("http://dynamodb.example", seen))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Store("donate").Commit(t.Context(), put("a", "1", kv.Absent)); err == nil || seen.writers > 0 {
			t.Errorf("%d bodies write themselves: net/http cuts answers off (unhurried); %v", seen.writers, err)
		}
	})
}
