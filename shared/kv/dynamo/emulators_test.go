package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/shared/kv"
)

// disagreements are what AWS answers and an emulator does not. Whoever reads a green suite on moto must know that it says
// nothing of these; where an emulator is mended, its line goes.
var disagreements = []struct {
	name string
	ask  func(t *testing.T, s *store) string
	aws  string // by AWS's documentation, and recordings of it
	moto string // 5.2.1; empty: as AWS
}{
	{"a token again, the same request", func(t *testing.T, s *store) string {
		transact(t, s, "token-1", "1")
		return transact(t, s, "token-1", "1")
	}, "done", "TransactionCanceledException"},
	{"a token again, another request", func(t *testing.T, s *store) string {
		transact(t, s, "token-2", "1")
		return transact(t, s, "token-2", "2")
	}, "IdempotentParameterMismatchException", "TransactionCanceledException"},
	{"an empty condition", func(t *testing.T, s *store) string {
		_, err := s.db.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &s.table, Key: keyOf(key("a")),
			UpdateExpression: aws.String("SET d = :d"), ConditionExpression: aws.String(""), ExpressionAttributeValues: attributes{":d": text("x")}})
		return answer(err)
	}, "ValidationException", "done"},
	{"an item too large", func(t *testing.T, s *store) string {
		_, err := s.db.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &s.table, Key: keyOf(key("large")),
			UpdateExpression: aws.String("SET d = :d"), ExpressionAttributeValues: attributes{":d": text(strings.Repeat("x", 400<<10))}})
		return answer(err)
	}, "ValidationException", ""},
}

// transact writes a new item in a transaction.
func transact(t *testing.T, s *store, token, data string) string {
	t.Helper()
	_, err := s.db.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{ClientRequestToken: &token, TransactItems: []types.TransactWriteItem{{
		Update: &types.Update{TableName: &s.table, Key: keyOf(key(token)), UpdateExpression: aws.String("SET d = :d"),
			ConditionExpression: aws.String("attribute_not_exists(d)"), ExpressionAttributeValues: attributes{":d": text(data)}}}}})
	return answer(err)
}

func answer(err error) string {
	if err == nil {
		return "done"
	}
	return code(err)
}

func TestWhereEmulatorsDisagreeWithAWS(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, s *store, is func(aws, moto string) string) {
		for _, d := range disagreements {
			if got, want := d.ask(t, s), is(d.aws, d.moto); got != want {
				t.Errorf("%s: %s, expected %s (AWS: %s)", d.name, got, want, d.aws)
			}
		}
	}
	asAWS := func(aws, _ string) string { return aws }
	t.Run("our own", func(t *testing.T) {
		t.Parallel()
		run(t, empty(t, "own", at("http://dynamodb.example", &fake.Server{})), asAWS)
	})
	for name, start := range emulators {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is := asAWS
			if name == "moto" {
				is = func(aws, moto string) string {
					if moto == "" {
						return aws
					}
					return moto
				}
			}
			run(t, empty(t, "theirs", at(start(t), &http.Client{Transport: &http.Transport{}})), is)
		})
	}
}

// Functions are many processes, which do not take turns with each other as one does (inTurn): of those that want the same
// thing at the same moment one gets it, also from moto, as its launcher mends it.
func TestOneOfManyProcessesWins(t *testing.T) {
	t.Parallel()
	for name, start := range emulators {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t)
			var processes []*store
			for range 6 {
				processes = append(processes, empty(t, "shared", at(url, &http.Client{Transport: &http.Transport{}})))
			}
			for round := range 15 {
				sort := fmt.Sprint("round", round)
				var won atomic.Int64
				var group sync.WaitGroup
				for n, s := range processes {
					group.Go(func() {
						writes := []kv.Write{put(sort, fmt.Sprint(n), kv.Absent)}
						if n%2 == 1 {
							writes = append(writes, put(fmt.Sprint(sort, "own", n), "x", kv.Always))
						}
						if err := s.Commit(context.Background(), writes...); err == nil {
							won.Add(1)
						} else if !errors.Is(err, kv.ErrConflict) {
							t.Error(err)
						}
					})
				}
				group.Wait()
				if won.Load() != 1 {
					t.Errorf("%s: %d won", sort, won.Load())
				}
			}
		})
	}
}
