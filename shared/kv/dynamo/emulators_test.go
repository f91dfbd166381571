package dynamo

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
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
