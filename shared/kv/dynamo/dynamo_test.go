package dynamo

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/kvtest"
)

func canceled(codes ...string) *types.TransactionCanceledException {
	c := &types.TransactionCanceledException{}
	for _, code := range codes {
		c.CancellationReasons = append(c.CancellationReasons, types.CancellationReason{Code: &code})
	}
	return c
}

func commit1(t *testing.T, s *store, writes ...kv.Write) {
	t.Helper()
	if err := s.Commit(t.Context(), writes...); err != nil {
		t.Fatal(err)
	}
}

// raw is what the table has under a key: what no reader sees, too.
func raw(t *testing.T, s *store, sort string) attributes {
	t.Helper()
	out, err := s.db.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &s.table, Key: keyOf(key(sort))})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

// An ordinary record with its messages is one write, and their confirmation is one: the least that DynamoDB can bill.
func TestOrdinaryCreateIsOneWriteAndSoIsItsDelivery(t *testing.T) {
	t.Parallel()
	s, server := faked(t)
	commit1(t, s, put("a", "1", kv.Absent, message("m1"), message("m2")))
	if err := s.Sent(t.Context(), key("a"), "m1", "m2"); err != nil {
		t.Fatal(err)
	}
	reads := server.Asked("GetItem") + server.Asked("Query") + server.Asked("BatchGetItem")
	if server.Asked("UpdateItem") != 2 || server.Asked("TransactWriteItems") != 0 || reads != 0 {
		t.Errorf("%d writes, %d reads", server.Asked("UpdateItem"), reads)
	}
	for _, left := range []string{"m", "q", "a"} {
		if raw(t, s, "a")[left] != nil {
			t.Errorf("%s is left, and keeps the item in the index", left)
		}
	}
}

// What expires is DynamoDB's to delete, but never before its messages are delivered.
func TestMessagesOutliveTheirItem(t *testing.T) {
	t.Parallel()
	s, _ := faked(t)
	over := put("over", "1", kv.Absent, message("m1"))
	over.Expires = kvtest.Noon.Add(-time.Millisecond)
	commit1(t, s, over)
	if lies(t, s, "over") != "none" || waiting(t, s, "over") != "m1" || raw(t, s, "over")["t"] != nil {
		t.Fatalf("%v", raw(t, s, "over"))
	}
	again := put("over", "2", kv.Always) // over what has expired: a first revision, and the message stays
	again.Expires = kvtest.Noon.Add(time.Nanosecond)
	commit1(t, s, again)
	if lies(t, s, "over") != "2@1" || waiting(t, s, "over") != "m1" || raw(t, s, "over")["t"] != nil {
		t.Fatalf("%s, %v", lies(t, s, "over"), raw(t, s, "over"))
	}
	if err := s.Sent(t.Context(), key("over"), "m1"); err != nil {
		t.Fatal(err)
	}
	if got := numberIn(raw(t, s, "over")["t"]); got != kvtest.Noon.Unix()+1 || waiting(t, s, "over") != "" {
		t.Errorf("it may be deleted at %d, want the second after it expires", got)
	}
	commit1(t, s, put("over", "3", 1))
	if raw(t, s, "over")["t"] != nil || lies(t, s, "over") != "3@2" {
		t.Errorf("what no longer expires would be deleted: %v", raw(t, s, "over"))
	}
}

// What is deleted leaves its messages behind, several writes in one commit too, and nothing once they are delivered.
func TestDeletedItemLeavesNothingInTheEnd(t *testing.T) {
	t.Parallel()
	s, _ := faked(t)
	commit1(t, s, put("a", "1", kv.Absent, message("m1")), put("b", "1", kv.Absent), put("c", "1", kv.Absent, message("m3")))
	gone := func(sort string, messages ...event.Message) kv.Write {
		return kv.Write{Key: key(sort), Delete: true, If: 1, Messages: messages}
	}
	commit1(t, s, gone("a"), gone("b", message("m2")))
	commit1(t, s, gone("c"))
	for sort, id := range map[string]string{"a": "m1", "b": "m2", "c": "m3"} {
		if lies(t, s, sort) != "none" || waiting(t, s, sort) != id {
			t.Errorf("%s: %s, %q wait", sort, lies(t, s, sort), waiting(t, s, sort))
		}
		if err := s.Sent(t.Context(), key(sort), id); err != nil || raw(t, s, sort) != nil {
			t.Errorf("%s: %v is left, %v", sort, raw(t, s, sort), err)
		}
	}
}

// Between a refusal, which says what lies there, and the attempt that follows from it, somebody else acts.
func TestOthersActBetweenTwoAttempts(t *testing.T) {
	t.Parallel()
	ends := kvtest.Noon.Add(time.Hour)
	expiring := put("a", "2", kv.Always)
	expiring.Expires = ends
	gone := kv.Write{Key: key("a"), Delete: true}
	confirm := func(s *store) error { return s.Sent(t.Context(), key("a"), "m") }
	for name, c := range map[string]struct {
		before  []kv.Write
		act     func(*store) error
		between func(*store) error
		is      string
		t       int64
	}{
		"expiring, nobody else":    {nil, func(s *store) error { return s.Commit(t.Context(), expiring) }, nil, "2@2", 0},
		"expiring, confirmed":      {nil, func(s *store) error { return s.Commit(t.Context(), expiring) }, confirm, "2@2", ends.Unix()},
		"deleted, confirmed":       {nil, func(s *store) error { return s.Commit(t.Context(), gone) }, confirm, "none", 0},
		"confirmed, written again": {[]kv.Write{gone}, confirm, func(s *store) error { return s.Commit(t.Context(), put("a", "3", kv.Absent)) }, "3@1", 0},
	} {
		s, server := faked(t)
		other := &store{db: &DB{client: dynamodb.New(s.db.client.Options(), at("http://dynamodb.example", server)), Now: s.db.Now}, table: s.table}
		commit1(t, s, put("a", "1", kv.Absent, message("m")))
		for _, w := range c.before {
			commit1(t, s, w)
		}
		calls := 0
		server.Faults = func(operation string) *fake.Fault {
			if calls++; calls == 2 && c.between != nil {
				if err := c.between(other); err != nil {
					t.Error(err)
				}
			}
			return nil
		}
		if err := c.act(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		server.Faults = nil
		there := raw(t, s, "a")
		if got := lies(t, s, "a"); got != c.is || numberIn(there["t"]) != c.t || (got == "none" && there != nil) {
			t.Errorf("%s: %s, %v", name, got, there)
		}
	}
}

// AWS's index lags, and so do careless reads: what was written is read, and what was confirmed is not listed again. And
// its batches may be answered in part.
func TestWhatLagsAndBatchesInPart(t *testing.T) {
	t.Parallel()
	s, server := faked(t)
	commit1(t, s, put("a", "1", kv.Absent, message("m1")))
	server.Lag(true)
	commit1(t, s, put("a", "2", 1))
	if items, err := s.List(t.Context(), "p", "", "", 9); err != nil || len(items) != 1 || items[0].Rev != 2 || lies(t, s, "a") != "2@2" {
		t.Errorf("listed %v, %v; got %s: want what was just written", items, err, lies(t, s, "a"))
	}
	if err := s.Sent(t.Context(), key("a"), "m1"); err != nil || waiting(t, s, "a") != "" {
		t.Errorf("%v, %q wait", err, waiting(t, s, "a"))
	}
	server.Lag(false)
	shard, want := 0, 0
	for n := range 400 { // all that fall into one shard, some 12
		if k := key(fmt.Sprint(n)); kv.ShardOf(k) == shard {
			want += 2
			commit1(t, s, put(k.Sort, "1", kv.Absent, message(fmt.Sprintf("%04d", 2*n)), message(fmt.Sprintf("%04d", 2*n+1))))
		}
	}
	server.Faults = first(9, fake.Fault{Part: true})
	all, err := s.Unsent(t.Context(), shard, 1000)
	if err != nil || len(all) != want {
		t.Errorf("%d messages, %v; want %d", len(all), err, want)
	}
	for limit := range want {
		if some, err := s.Unsent(t.Context(), shard, limit); err != nil || len(some) != limit {
			t.Errorf("%d of %d, %v", len(some), limit, err)
		}
	}
}

// A list goes on over DynamoDB's pages of a megabyte, and over what has expired.
func TestListOverPages(t *testing.T) {
	t.Parallel()
	s, server := faked(t)
	for n := range 12 {
		w := put(fmt.Sprintf("%02d", n), strings.Repeat("x", 350_000), kv.Absent)
		if n%3 == 1 {
			w.Expires = kvtest.Noon
		}
		commit1(t, s, w)
	}
	for _, c := range []struct {
		limit, after int
		want         string
	}{{99, -1, "00 02 03 05 06 08 09 11"}, {3, -1, "00 02 03"}, {2, 3, "05 06"}, {9, 11, ""}, {0, -1, ""}} {
		after := ""
		if c.after >= 0 {
			after = fmt.Sprintf("%02d", c.after)
		}
		items, err := s.List(t.Context(), "p", "", after, c.limit)
		var got []string
		for _, i := range items {
			got = append(got, i.Key.Sort)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%d after %q: %v, %v; want %s", c.limit, after, got, err, c.want)
		}
	}
	if n := server.Asked("Query"); n < 8 {
		t.Errorf("%d questions: the pages were not short", n)
	}
}

func TestTooMuchIsRefusedWithItsLimit(t *testing.T) {
	t.Parallel()
	s, server := faked(t)
	many := func(n, size int) (writes []kv.Write) {
		for i := range n {
			writes = append(writes, put(fmt.Sprint(i), strings.Repeat("x", size), kv.Absent))
		}
		return writes
	}
	commit1(t, s, many(kv.MaxWrites(s), 10)...)
	asked := server.Asked("TransactWriteItems")
	for name, c := range map[string]struct {
		writes []kv.Write
		kind   fault.Kind
		want   string
	}{
		"writes": {many(101, 10), fault.Internal, "101 writes: DynamoDB takes at most 100 in one"},
		"bytes":  {many(12, 390_000), fault.Internal, "at most 4 MB"},
		"item":   {[]kv.Write{put("large", strings.Repeat("x", 400<<10), kv.Absent)}, fault.TooLarge, "{p large}"},
		"within": {append(many(2, 10), put("large", strings.Repeat("\xff", 400<<10), kv.Absent)), fault.TooLarge, "{p large}"},
	} {
		err := s.Commit(t.Context(), c.writes...)
		if fault.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.want) || !strings.Contains(err.Error(), "othing of") || errors.Is(err, kv.ErrConflict) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if now := server.Asked("TransactWriteItems"); now != asked || server.Asked("UpdateItem") != 0 {
		t.Errorf("%d requests were sent in vain", now-asked)
	}
	// Messages that pile up in an item, since nobody delivers them, make it too large in the end.
	large := message("m")
	large.Data = []byte(`"` + strings.Repeat("x", 150_000) + `"`)
	for n := range 2 {
		large.ID = fmt.Sprint("m", n)
		commit1(t, s, put("grows", "1", kv.Always, large))
	}
	for _, writes := range [][]kv.Write{{put("grows", "1", kv.Always, large)}, {put("grows", "1", kv.Always, large), put("other", "1", kv.Always)}} {
		if err := s.Commit(t.Context(), writes...); fault.KindOf(err) != fault.TooLarge || !strings.Contains(err.Error(), "{p grows}") {
			t.Errorf("%v", err)
		}
	}
	if lies(t, s, "grows") != "1@2" || lies(t, s, "other") != "none" {
		t.Error("something of a refused commit was written")
	}
}

func TestTableThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	s, _ := faked(t)
	if err := s.db.Ready(t.Context(), "donate"); err != nil {
		t.Error(err)
	}
	if err := s.db.Create(t.Context(), "donate"); err != nil {
		t.Errorf("made twice: %v", err)
	}
	missing, err := s.db.Missing(t.Context(), "donate", "payments")
	if err != nil || len(missing) != 1 || missing[0] != "faked-payments" {
		t.Errorf("%v, %v", missing, err)
	}
	_, read := s.db.Store("payments").Get(t.Context(), key("a"))
	for _, err := range []error{s.db.Ready(t.Context(), "payments", "donate"), read, s.db.Store("payments").Commit(t.Context(), put("a", "1", kv.Always))} {
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "faked-payments") || !strings.Contains(err.Error(), "template.yaml") {
			t.Errorf("%v", err)
		}
	}
	for _, prefix := range []string{"", "a b", "a/b", strings.Repeat("a", 201)} {
		if _, err := Open(t.Context(), prefix, at("http://dynamodb.example", &fake.Server{})); err == nil {
			t.Errorf("%q was taken for a prefix", prefix)
		}
	}
	for url, is := range map[string]bool{"http://127.0.0.1:5000": true, "http://dynamodb:8000": true, "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com": false,
		"https://dynamodb.eu-west-1.api.aws": false, "": false, "nonsense": false, "ftp://127.0.0.1:5000": false, "http://amazonaws.com.example:8000": true,
		"http://DynamoDB.eu-west-1.AMAZONAWS.com": false, "https://dynamodb.eu-west-1.api.aws.:443": false, "https://dynamodb.eu-west-1.amazonaws.com.": false,
		"https://dynamodb.cn-north-1.amazonaws.com.cn": false, "https://dynamodb.cn-north-1.api.amazonwebservices.com.cn": false,
		"https://dynamodb.eusc-de-east-1.amazonaws.eu": false, "https://dynamodb.eusc-de-east-1.api.amazonwebservices.eu": false} {
		if Emulator(url) != is {
			t.Errorf("%q is an emulator: %v, want %v", url, !is, is)
		}
	}
}

// The template makes the tables that Create makes for emulators.
func TestTemplateMakesTheSameTable(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile(filepath.Join("..", "..", "..", "infra", "store.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	schema := func(keys []types.KeySchemaElement) string {
		return fmt.Sprintf("KeySchema: [{AttributeName: %s, KeyType: %s}, {AttributeName: %s, KeyType: %s}]", *keys[0].AttributeName, keys[0].KeyType, *keys[1].AttributeName, keys[1].KeyType)
	}
	made := definition("x")
	unsent := made.GlobalSecondaryIndexes[0]
	lines := []string{schema(made.KeySchema), schema(unsent.KeySchema), "IndexName: " + *unsent.IndexName + "\n", "BillingMode: " + string(made.BillingMode) + "\n",
		fmt.Sprintf("Projection: {ProjectionType: %s}", unsent.Projection.ProjectionType), "TimeToLiveSpecification: {AttributeName: " + expiry + ","}
	for _, a := range made.AttributeDefinitions {
		lines = append(lines, fmt.Sprintf("{AttributeName: %s, AttributeType: %s}", *a.AttributeName, a.AttributeType))
	}
	for _, line := range lines {
		if !strings.Contains(string(template), line) {
			t.Errorf("infra/store.yaml says nowhere %q", line)
		}
	}
}

// Any bytes are kept, and keys stay in the order of their bytes.
func FuzzKeysAndData(f *testing.F) {
	for _, s := range []string{"", "\x00", "\x00\x00", "\x01", "a", "a\x00", "\x7f", "\x80", "\xff", "é", "d7-2-000000000001"} {
		f.Add(s, "a", []byte(s))
		f.Add(s, "", []byte("{}"))
	}
	s, _ := faked(f)
	f.Fuzz(func(t *testing.T, a, b string, data []byte) {
		if unkeyed(keyed(a)) != a || keyed(a) == "" || keyed(a) >= last {
			t.Fatalf("%q became %q", a, keyed(a))
		}
		if cmp.Compare(a, b) != cmp.Compare(keyed(a), keyed(b)) {
			t.Fatalf("%q and %q are not in the order of %q and %q", a, b, keyed(a), keyed(b))
		}
		if strings.HasPrefix(a, b) && b != "" && !strings.HasPrefix(keyed(a), keyed(b)) {
			t.Fatalf("%q lost its prefix %q", a, b)
		}
		if len(keyed(a)) > 1024 || len(keyed(b)) > 1024 || len(data) > 100_000 {
			return // DynamoDB's limits
		}
		k := kv.Key{Part: "p" + b, Sort: a}
		if len(keyed(k.Part)) > 2048 {
			return
		}
		if err := s.Commit(t.Context(), kv.Write{Key: k, Data: data}); err != nil {
			t.Fatal(err)
		}
		items, err := s.List(t.Context(), k.Part, a, "", 1)
		if err != nil || len(items) != 1 || items[0].Key != k || !bytes.Equal(items[0].Data, data) {
			t.Fatalf("%q came back as %v, %v", data, items, err)
		}
		if err := s.Commit(t.Context(), kv.Write{Key: k, Delete: true}); err != nil {
			t.Fatal(err)
		}
	})
}
