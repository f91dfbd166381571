package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/banyan-migration/banyan/infra/account"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
)

func at(url string) aws.Config {
	return aws.Config{Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

// What a service refused too often goes back to its queue, each once, with what it carried, and no further than what lay there.
func TestRedriveOverMoto(t *testing.T) {
	t.Parallel()
	c := at(moto.Test(t).URL)
	queues := sqs.NewFromConfig(c)
	var url []*string
	for _, name := range []string{"banyan-test-payments", "banyan-test-payments-dead"} {
		q, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		url = append(url, q.QueueUrl)
	}
	for n := range 25 {
		_, err := queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url[1], MessageBody: aws.String(fmt.Sprintf(`{"id":"m%d","type":"payments.%s"}`, n, []string{"requested", "recorded"}[n%2])),
			MessageAttributes: map[string]sqstypes.MessageAttributeValue{"type": {DataType: aws.String("String"), StringValue: aws.String("t")}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	a := account.At(c, "test")
	if got, err := a.Redrive(t.Context(), "payments", 100, true); err != nil || got.Waiting != 25 || got.Count() != 0 {
		t.Errorf("dry: %+v, %v", got, err)
	}
	if got, err := a.Redrive(t.Context(), "payments", 4, false); err != nil || got.Count() != 4 || got.Left != 21 {
		t.Errorf("four: %+v, %v", got, err)
	}
	got, err := a.Redrive(t.Context(), "payments", 100, false)
	if err != nil || got.Count() != 21 || got.Left != 0 || len(got.Moved) != 2 {
		t.Errorf("all: %+v, %v", got, err)
	}
	seen := map[string]bool{}
	for len(seen) < 25 {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url[0], MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
		if err != nil || len(out.Messages) == 0 {
			t.Fatalf("%d messages came back: %v", len(seen), err)
		}
		for _, m := range out.Messages {
			seen[*m.Body] = true
			if aws.ToString(m.MessageAttributes["type"].StringValue) != "t" {
				t.Error("a message lost its attributes")
			}
		}
	}
	if _, err := a.Redrive(t.Context(), "postcode", 9, false); err == nil || !strings.Contains(err.Error(), "there is no queue banyan-test-postcode-dead") {
		t.Error(err)
	}
}

// A copy is held against what lives, item by item: what was written or deleted since is told apart from what never was.
func TestRestoreDrillOverMoto(t *testing.T) {
	t.Parallel()
	c := at(moto.Test(t).URL)
	db, table := dynamodb.NewFromConfig(c), aws.String("banyan-test-donate")
	_, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("p"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("s"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("p"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("s"), KeyType: types.KeyTypeRange}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.UpdateContinuousBackups(t.Context(), &dynamodb.UpdateContinuousBackupsInput{TableName: table, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(id, rev, data string) {
		t.Helper()
		text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
		_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: map[string]types.AttributeValue{"p": text("gifts"), "s": text(id), "r": &types.AttributeValueMemberN{Value: rev}, "w": text("commit " + rev), "d": text(data)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range 230 {
		put(fmt.Sprint("g", n), "1", "ten pounds")
	}
	a := account.At(c, "test")
	copied, err := a.Restore(t.Context(), "donate", time.Time{})
	if err != nil || copied.Table != "banyan-test-drill-donate" {
		t.Fatal(copied, err)
	}
	if _, err := a.Restore(t.Context(), "donate", time.Time{}); err == nil || !strings.Contains(err.Error(), "is there, from a drill") {
		t.Error(err)
	}
	put("g1", "2", "refunded") // since
	put("new", "1", "since")
	if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: table, Key: map[string]types.AttributeValue{"p": &types.AttributeValueMemberS{Value: "gifts"}, "s": &types.AttributeValueMemberS{Value: "g2"}}}); err != nil {
		t.Fatal(err)
	}
	put("g3", "1", "a thousand pounds") // never: what one commit wrote says something else
	got, err := a.Compare(t.Context(), copied)
	if err != nil || got.Items != 230 || got.Living != 230 || got.Same != 227 || got.Changed != 1 || got.Gone != 1 || got.Wrongs != 1 || got.Wrong[0] != "gifts g3" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := a.Drop(t.Context(), copied); err != nil {
		t.Error(err)
	}
	if err := a.Drop(t.Context(), account.Restored{Live: "x", Table: "x"}); err == nil {
		t.Error("a live table would be deleted")
	}
}
