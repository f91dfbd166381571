package dynamo

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func unmarshal(raw string, into any) error { return json.Unmarshal([]byte(raw), into) }

func opened(t *testing.T, file string) (world, *Server) {
	t.Helper()
	s, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return at(t, "http://dynamodb.example", s), s
}

// sorts are the sort keys that a query over an index, or the table, finds in order.
func (w world) sorts(index *string, condition string, values attributes) (all []string) {
	w.Helper()
	out, err := w.Query(w.Context(), &dynamodb.QueryInput{TableName: table1, IndexName: index, KeyConditionExpression: &condition, ExpressionAttributeValues: values})
	if err != nil {
		w.Fatal(err)
	}
	for _, i := range out.Items {
		all = append(all, i["s"].(*types.AttributeValueMemberS).Value)
	}
	return all
}

// Whatever was answered is there after an end that asked nobody, torn last line or not: items, what is deleted, indexes, and
// transactions whole.
func TestWhatWasAnsweredOutlivesAnEnd(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dynamo.journal")
	w, _ := opened(t, file)
	for n := range 5 {
		w.put(w.update(fmt.Sprint("k", n), 200, ", q = :q, a = :a", attributes{":q": text("shard"), ":a": text(fmt.Sprint(9 - n))}))
	}
	if _, err := w.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: table1, Key: key("k2")}); err != nil {
		t.Fatal(err)
	}
	w.put(w.update("k3", 100, " REMOVE q, a", nil))
	var both []types.TransactWriteItem
	for _, sort := range []string{"t1", "t2"} {
		both = append(both, transacted(w.update(sort, 100, "", nil)))
	}
	if _, err := w.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: both}); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = f.WriteString(`12345678 {"Put":[{"Table":"table"`); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		w, s := opened(t, file)
		if got := w.sorts(nil, "p = :p", attributes{":p": text("part")}); !slices.Equal(got, []string{"k0", "k1", "k3", "k4", "t1", "t2"}) {
			t.Errorf("start %d: %v", n, got)
		}
		if got := w.sorts(aws.String("keys"), "q = :q", attributes{":q": text("shard")}); !slices.Equal(got, []string{"k4", "k1", "k0"}) {
			t.Errorf("start %d: the index has %v", n, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.UpdateItem(t.Context(), w.update("late", 100, "", nil)); err == nil {
			t.Error("a closed server says that it keeps what comes")
		}
	}
}

// What may be deleted by its time to live is gone with the next start, and not before.
func TestTimeToLive(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dynamo.journal")
	w, s := opened(t, file)
	_, err := w.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{TableName: table1, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("t"), Enabled: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	number := func(at time.Time) attributes {
		return attributes{":t": &types.AttributeValueMemberN{Value: fmt.Sprint(at.Unix())}}
	}
	w.put(w.update("over", 100, ", t = :t", number(time.Now().Add(-time.Hour))))
	w.put(w.update("lives", 100, ", t = :t", number(time.Now().Add(time.Hour))))
	w.put(w.update("stays", 100, "", nil))
	all := attributes{":p": text("part")}
	if got := w.sorts(nil, "p = :p", all); len(got) != 3 {
		t.Errorf("%v", got)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		w, s = opened(t, file)
		if got := w.sorts(nil, "p = :p", all); !slices.Equal(got, []string{"lives", "stays"}) {
			t.Errorf("after a start: %v", got)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkWrite is an item of 1 KB, kept on the disk.
func BenchmarkWrite(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "journal"))
	if err != nil {
		b.Fatal(err)
	}
	s.commit(record{Made: &made{TableName: "table", KeySchema: schema([]string{"p", "s"})}})
	w := world{&testing.T{}, dynamodb.New(dynamodb.Options{Region: "eu-west-1", BaseEndpoint: aws.String("http://dynamodb.example"), HTTPClient: s, Credentials: aws.AnonymousCredentials{}})}
	ctx, data := b.Context(), text(strings.Repeat("x", 1000))
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			_, err := w.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: table1, Key: key(fmt.Sprintf("%p %d", pb, n)), UpdateExpression: aws.String("SET d = :d"),
				ConditionExpression: aws.String("attribute_not_exists(p)"), ExpressionAttributeValues: attributes{":d": data}})
			if err != nil {
				b.Error(err)
			}
		}
	})
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}
