// Package kvtest is the suite that every adapter of shared/kv passes: what Store's comments promise, put to the test.
// A second group of checks opens the same store again, for adapters that outlive the process.
package kvtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Noon is the time that the stores under test are to take as now.
var Noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

// Run puts a store to the test. open makes an empty one whose clock stands at Noon, for each subtest anew.
func Run(t *testing.T, open func(t *testing.T) kv.Store) {
	for name, fact := range map[string]func(*testing.T, kv.Store){
		"WrittenIsRead": writtenIsRead, "AllOrNone": allOrNone, "ConditionsHold": conditionsHold,
		"ExpiredIsAbsent": expiredIsAbsent, "ListIsInOrder": listIsInOrder, "ListKeepsToItsPrefix": listKeepsToItsPrefix,
		"MessagesWaitUntilSent": messagesWaitUntilSent, "RefusedCommitSendsNothing": refusedCommitSendsNothing,
		"OneOfManyWins": oneOfManyWins, "NothingIsLostBetweenWriters": nothingIsLostBetweenWriters,
		"WrongCommitsAreRefused": wrongCommitsAreRefused, "EndedContextWritesNothing": endedContextWritesNothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fact(t, open(t))
		})
	}
}

func put(sort, data string, on kv.Condition, messages ...event.Message) kv.Write {
	return kv.Write{Key: kv.Key{Part: "p", Sort: sort}, Data: []byte(data), If: on, Messages: messages}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s kv.Store, sort string) string {
	t.Helper()
	item, err := s.Get(t.Context(), kv.Key{Part: "p", Sort: sort})
	if errors.Is(err, kv.ErrNotFound) {
		return "none"
	}
	must(t, err)
	return fmt.Sprintf("%s@%d", item.Data, item.Rev)
}

func want(t *testing.T, s kv.Store, sort, is string) {
	t.Helper()
	if got := read(t, s, sort); got != is {
		t.Errorf("%s is %s, want %s", sort, got, is)
	}
}

func conflicts(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, kv.ErrConflict) {
		t.Errorf("%v, want a conflict", err)
	}
}

func writtenIsRead(t *testing.T, s kv.Store) {
	want(t, s, "a", "none")
	must(t, s.Commit(t.Context(), put("a", "1", kv.Always)))
	want(t, s, "a", "1@1")
	must(t, s.Commit(t.Context(), put("a", "2", kv.Always)))
	want(t, s, "a", "2@2")
	must(t, s.Commit(t.Context(), kv.Write{Key: kv.Key{Part: "p", Sort: "a"}, Delete: true}))
	want(t, s, "a", "none")
	must(t, s.Commit(t.Context(), put("", "no sort", kv.Absent), put("\x00\xff\"'\n", "odd", kv.Absent)))
	want(t, s, "", "no sort@1")
	want(t, s, "\x00\xff\"'\n", "odd@1")
	if item, err := s.Get(t.Context(), kv.Key{Part: "other", Sort: "a"}); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("another part has %v, %v", item, err)
	}
}

func allOrNone(t *testing.T, s kv.Store) {
	must(t, s.Commit(t.Context(), put("b", "old", kv.Absent)))
	conflicts(t, s.Commit(t.Context(), put("a", "1", kv.Absent), put("b", "2", kv.Absent), put("c", "3", kv.Always)))
	for sort, is := range map[string]string{"a": "none", "b": "old@1", "c": "none"} {
		want(t, s, sort, is)
	}
	must(t, s.Commit(t.Context(), put("a", "1", kv.Absent), put("b", "2", 1), put("c", "3", kv.Always)))
	for sort, is := range map[string]string{"a": "1@1", "b": "2@2", "c": "3@1"} {
		want(t, s, sort, is)
	}
	must(t, s.Commit(t.Context()))
}

func conditionsHold(t *testing.T, s kv.Store) {
	conflicts(t, s.Commit(t.Context(), put("a", "x", 1)))
	must(t, s.Commit(t.Context(), put("a", "1", kv.Absent)))
	conflicts(t, s.Commit(t.Context(), put("a", "x", kv.Absent)))
	conflicts(t, s.Commit(t.Context(), put("a", "x", 2)))
	must(t, s.Commit(t.Context(), put("a", "2", 1)))
	conflicts(t, s.Commit(t.Context(), kv.Write{Key: kv.Key{Part: "p", Sort: "a"}, Delete: true, If: 1}))
	want(t, s, "a", "2@2")
	must(t, s.Commit(t.Context(), kv.Write{Key: kv.Key{Part: "p", Sort: "a"}, Delete: true, If: 2}))
	must(t, s.Commit(t.Context(), put("a", "again", kv.Absent)))
	want(t, s, "a", "again@1")
}

func expiredIsAbsent(t *testing.T, s kv.Store) {
	over := put("over", "x", kv.Absent)
	over.Expires = Noon
	still := put("still", "y", kv.Absent)
	still.Expires = Noon.Add(time.Second)
	must(t, s.Commit(t.Context(), over, still))
	want(t, s, "over", "none")
	want(t, s, "still", "y@1")
	item, err := s.Get(t.Context(), still.Key)
	must(t, err)
	if !item.Expires.Equal(still.Expires) {
		t.Errorf("expires %v, want %v", item.Expires, still.Expires)
	}
	items, err := s.List(t.Context(), "p", "", "", 9)
	must(t, err)
	if len(items) != 1 || items[0].Key.Sort != "still" {
		t.Errorf("listed %v", items)
	}
	must(t, s.Commit(t.Context(), put("over", "new", kv.Absent)))
	want(t, s, "over", "new@1")
}

func sorts(t *testing.T, s kv.Store, prefix, after string, limit int) string {
	t.Helper()
	items, err := s.List(t.Context(), "p", prefix, after, limit)
	must(t, err)
	var all []string
	for _, i := range items {
		all = append(all, i.Key.Sort)
	}
	return strings.Join(all, " ")
}

func listIsInOrder(t *testing.T, s kv.Store) {
	for _, sort := range []string{"b", "a10", "é", "a9", "Z", "a"} {
		must(t, s.Commit(t.Context(), put(sort, sort, kv.Absent)))
	}
	must(t, s.Commit(t.Context(), kv.Write{Key: kv.Key{Part: "q", Sort: "elsewhere"}}))
	for _, c := range []struct {
		after string
		limit int
		is    string
	}{{"", 10, "Z a a10 a9 b é"}, {"", 2, "Z a"}, {"a", 3, "a10 a9 b"}, {"aa", 9, "b é"}, {"é", 9, ""}, {"", 0, ""}} {
		if got := sorts(t, s, "", c.after, c.limit); got != c.is {
			t.Errorf("%d after %q: %q, want %q", c.limit, c.after, got, c.is)
		}
	}
}

func listKeepsToItsPrefix(t *testing.T, s kv.Store) {
	for _, sort := range []string{"a", "a#1", "a#2", "a#3", "b#1", "a\xff", "a\xff\xff1", "A#1"} {
		must(t, s.Commit(t.Context(), put(sort, sort, kv.Absent)))
	}
	for _, c := range []struct{ prefix, after, is string }{
		{"a#", "", "a#1 a#2 a#3"}, {"a#", "a#1", "a#2 a#3"}, {"a#", "a#3", ""}, {"b", "a", "b#1"}, {"b", "c", ""},
		{"a\xff", "", "a\xff a\xff\xff1"}, {"x", "", ""}, {"%", "", ""}, {"_", "", ""},
	} {
		if got := sorts(t, s, c.prefix, c.after, 9); got != c.is {
			t.Errorf("%q after %q: %q, want %q", c.prefix, c.after, got, c.is)
		}
	}
}

func message(id string) event.Message {
	m := event.New(id, "test.happened", Noon, event.For{Service: "test", ID: "1"}, map[string]string{"id": id})
	m.Mark, m.Trace = "test", "00-1-2-01"
	return m
}

func unsent(t *testing.T, s kv.Store) []string {
	t.Helper()
	var ids []string
	for shard := range kv.Shards {
		waiting, err := s.Unsent(t.Context(), shard, 100)
		must(t, err)
		for _, u := range waiting {
			if shard != kv.ShardOf(u.Key) {
				t.Errorf("%v lies in shard %d, want %d", u.Key, shard, kv.ShardOf(u.Key))
			}
			ids = append(ids, u.Message.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func messagesWaitUntilSent(t *testing.T, s kv.Store) {
	must(t, s.Commit(t.Context(), put("a", "1", kv.Absent, message("m1"), message("m2")), put("b", "1", kv.Absent, message("m3"))))
	must(t, s.Commit(t.Context(), put("a", "2", kv.Always, message("m4"))))
	key := kv.Key{Part: "p", Sort: "a"}
	waiting, err := s.Unsent(t.Context(), kv.ShardOf(key), 2)
	must(t, err)
	if len(waiting) != 2 || waiting[0].Message.ID != "m1" || waiting[0].Key != key {
		t.Fatalf("waiting: %v, want the two oldest", waiting)
	}
	got, sent := waiting[0].Message, message("m1")
	if !got.At.Equal(sent.At) || got.Type != sent.Type || got.Mark != sent.Mark || got.Trace != sent.Trace || got.For != sent.For || string(got.Data) != string(sent.Data) {
		t.Errorf("came back as %+v, want %+v", got, sent)
	}
	must(t, s.Sent(t.Context(), key, "m1", "m4"))
	must(t, s.Sent(t.Context(), key, "m1", "unknown"))
	must(t, s.Sent(t.Context(), key))
	if left := unsent(t, s); !slices.Equal(left, []string{"m2", "m3"}) {
		t.Errorf("left: %v", left)
	}
	want(t, s, "a", "2@2")
	must(t, s.Commit(t.Context(), kv.Write{Key: key, Delete: true, Messages: []event.Message{message("m5")}}))
	if left := unsent(t, s); !slices.Equal(left, []string{"m2", "m3", "m5"}) {
		t.Errorf("after the item went: %v", left)
	}
}

func refusedCommitSendsNothing(t *testing.T, s kv.Store) {
	must(t, s.Commit(t.Context(), put("a", "1", kv.Absent)))
	conflicts(t, s.Commit(t.Context(), put("b", "1", kv.Absent, message("m1")), put("a", "2", kv.Absent, message("m2"))))
	if left := unsent(t, s); len(left) != 0 {
		t.Errorf("%v wait for a commit that was refused", left)
	}
}

func oneOfManyWins(t *testing.T, s kv.Store) {
	const writers = 16
	var group sync.WaitGroup
	won := make(chan int, writers)
	for n := range writers {
		group.Go(func() {
			err := s.Commit(context.Background(), put("contended", fmt.Sprint(n), kv.Absent), put(fmt.Sprint("own", n), "x", kv.Absent))
			if err == nil {
				won <- n
			} else if !errors.Is(err, kv.ErrConflict) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	close(won)
	winner, ok := <-won
	if _, second := <-won; !ok || second {
		t.Fatal("want exactly one winner")
	}
	want(t, s, "contended", fmt.Sprintf("%d@1", winner))
	if got := sorts(t, s, "own", "", 99); got != fmt.Sprint("own", winner) {
		t.Errorf("written: %s, want the winner's own write alone", got)
	}
}

func nothingIsLostBetweenWriters(t *testing.T, s kv.Store) {
	const writers, each = 8, 12
	table := kv.Table[int]{Store: s, Name: "counter"}
	must(t, s.Commit(t.Context(), table.Put("sum", 0, kv.Absent)))
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				if _, err := table.Revise(context.Background(), "sum", func(n *int) (bool, error) { *n++; return true, nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	sum, rev, err := table.Get(t.Context(), "sum")
	must(t, err)
	if sum != writers*each || rev != writers*each+1 {
		t.Errorf("counted to %d at revision %d, want %d", sum, rev, writers*each)
	}
}

func wrongCommitsAreRefused(t *testing.T, s kv.Store) {
	for name, writes := range map[string][]kv.Write{
		"a key twice":          {put("a", "1", kv.Always), put("a", "2", kv.Always)},
		"no part":              {{Key: kv.Key{Sort: "a"}}},
		"a condition of minus": {put("a", "1", -2)},
		"a message without id": {put("a", "1", kv.Always, event.Message{Type: "x"})},
	} {
		err := s.Commit(t.Context(), writes...)
		if err == nil || errors.Is(err, kv.ErrConflict) {
			t.Errorf("%s: %v, want a refusal that is no conflict", name, err)
		}
	}
	want(t, s, "a", "none")
}

func endedContextWritesNothing(t *testing.T, s kv.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx, put("a", "1", kv.Always)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's end", err)
	}
	want(t, s, "a", "none")
}
