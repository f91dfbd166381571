package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
)

// world is a table, and AWS's own client to ask for it.
type world struct {
	*testing.T
	*dynamodb.Client
}

type attributes = map[string]types.AttributeValue

func at(t *testing.T, url string, client aws.HTTPClient) world {
	w := world{t, dynamodb.New(dynamodb.Options{Region: "eu-west-1", BaseEndpoint: &url, HTTPClient: client, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		})})}
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	keys := func(hash, rang string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &rang, KeyType: types.KeyTypeRange}}
	}
	_, err := w.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: table1, BillingMode: types.BillingModePayPerRequest, KeySchema: keys("p", "s"),
		AttributeDefinitions: []types.AttributeDefinition{text("p"), text("s"), text("q"), text("a")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			{IndexName: aws.String("keys"), KeySchema: keys("q", "a"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}},
			{IndexName: aws.String("whole"), KeySchema: keys("q", "a"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}}})
	var there *types.ResourceInUseException
	if err != nil && !errors.As(err, &there) {
		t.Fatal(err)
	}
	return w
}

var table1 = aws.String("table")

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func key(sort string) attributes { return attributes{"p": text("part"), "s": text(sort)} }

// update sets d so that the item has size bytes as DynamoDB counts them: names and values of p, s and d.
func (w world) update(sort string, size int, more string, values attributes) *dynamodb.UpdateItemInput {
	w.Helper()
	in := &dynamodb.UpdateItemInput{TableName: table1, Key: key(sort), ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes,
		UpdateExpression:          aws.String("SET d = :d" + more),
		ExpressionAttributeValues: attributes{":d": text(strings.Repeat("x", size-len("ppartsd")-len(sort)))}}
	maps.Copy(in.ExpressionAttributeValues, values)
	return in
}

// put has what a write of an item of that size consumed, as table, then what each index did.
func (w world) put(in *dynamodb.UpdateItemInput) string {
	w.Helper()
	out, err := w.UpdateItem(w.Context(), in)
	if err != nil {
		w.Fatal(err)
	}
	return consumed(out.ConsumedCapacity)
}

func consumed(c *types.ConsumedCapacity) string {
	if c == nil {
		return "nothing told"
	}
	said := fmt.Sprint(*c.CapacityUnits)
	for _, name := range slices.Sorted(maps.Keys(c.GlobalSecondaryIndexes)) {
		if n := *c.GlobalSecondaryIndexes[name].CapacityUnits; n > 0 {
			said += fmt.Sprintf(" %s %v", name, n)
		}
	}
	return said
}

func (w world) get(sort string, consistent bool) string {
	w.Helper()
	out, err := w.GetItem(w.Context(), &dynamodb.GetItemInput{TableName: table1, Key: key(sort), ConsistentRead: &consistent, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		w.Fatal(err)
	}
	return consumed(out.ConsumedCapacity)
}

func (w world) want(what, got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("%s consumed %s, want %s", what, got, want)
	}
}

const kb = 1024

// What AWS's documentation gives as examples, and what facts are known of real tables: the part that ministack reckons too.
func ordinary(w world) {
	w.want("a small item", w.put(w.update("small", 100, "", nil)), "1")
	w.want("an item of 3 KB", w.put(w.update("three", 3*kb, "", nil)), "3")
	w.want("a byte more", w.put(w.update("three1", 3*kb+1, "", nil)), "4")
	w.want("3 KB, read eventually", w.get("three", false), "0.5")
	w.want("3 KB, read consistently", w.get("three", true), "1")
	w.want("nothing, read eventually", w.get("none", false), "0.5")
	w.want("nothing, read consistently", w.get("none", true), "1")
	out, err := w.TransactWriteItems(w.Context(), &dynamodb.TransactWriteItemsInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		TransactItems: []types.TransactWriteItem{transacted(w.update("t1", 100, "", nil))}})
	if err != nil {
		w.Fatal(err)
	}
	w.want("a small item in a transaction", consumed(&out.ConsumedCapacity[0]), "2")
}

func transacted(u *dynamodb.UpdateItemInput) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
		ExpressionAttributeValues: u.ExpressionAttributeValues}}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	w := at(t, "http://dynamodb.example", &Server{})
	ordinary(w)
	w.put(w.update("eight", 8*kb, "", nil))
	w.want("8 KB, read consistently", w.get("eight", true), "2")
	w.want("8 KB, read eventually", w.get("eight", false), "1")
}

func TestUnitsOnMinistack(t *testing.T) {
	t.Parallel()
	ordinary(at(t, ministack.Test(t).URL, &http.Client{}))
}

func TestUnitsOfAnUpdateAreThoseOfTheLargerItem(t *testing.T) {
	t.Parallel()
	w := at(t, "http://dynamodb.example", &Server{})
	w.put(w.update("a", 7*kb, "", nil))
	w.want("made smaller", w.put(w.update("a", 100, "", nil)), "7")
	w.want("made larger", w.put(w.update("a", 2*kb, "", nil)), "2")
	out, err := w.DeleteItem(w.Context(), &dynamodb.DeleteItemInput{TableName: table1, Key: key("a"), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		t.Fatal(err)
	}
	w.want("deleted", consumed(out.ConsumedCapacity), "2")
	out, err = w.DeleteItem(w.Context(), &dynamodb.DeleteItemInput{TableName: table1, Key: key("a"), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		t.Fatal(err)
	}
	w.want("nothing deleted", consumed(out.ConsumedCapacity), "1")
}

// An index costs a write where an item comes into it, changes in what it has of it, or leaves it; two where it moves.
func TestUnitsOfIndexes(t *testing.T) {
	t.Parallel()
	w := at(t, "http://dynamodb.example", &Server{})
	w.want("without its keys", w.put(w.update("i", 2*kb, "", nil)), "2")
	w.want("with one of its keys", w.put(w.update("i", 2*kb-2, ", q = :q", attributes{":q": text("1")})), "2")
	w.want("in both", w.put(w.update("i", 2*kb-4, ", a = :a", attributes{":a": text("1")})), "5 keys 1 whole 2")
	w.want("changed beside the keys", w.put(w.update("i", kb, "", nil)), "4 whole 2")
	w.want("as it is", w.put(w.update("i", kb, "", nil)), "2")
	w.want("moved", w.put(w.update("i", kb, ", a = :a", attributes{":a": text("2")})), "8 keys 2 whole 4")
	w.want("out of both", w.put(w.update("i", kb, " REMOVE q, a", nil)), "5 keys 1 whole 2")
}

// A query is rounded once for all that it looked at, a batch for each item: AWS's own examples.
func TestUnitsOfQueriesAndBatches(t *testing.T) {
	t.Parallel()
	s := &Server{}
	w := at(t, "http://dynamodb.example", s)
	for n := range 10 {
		w.put(w.update(fmt.Sprint("q", n), 4178, "", nil)) // 40.8 KB together
	}
	query := func(filter *string, in string, consistent bool) string {
		t.Helper()
		out, err := w.Query(t.Context(), &dynamodb.QueryInput{TableName: table1, KeyConditionExpression: aws.String("p = :p AND s BETWEEN :a AND :b"), FilterExpression: filter,
			ConsistentRead: &consistent, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
			ExpressionAttributeValues: attributes{":p": text("part"), ":a": text(in), ":b": text(in + "~")}})
		if err != nil {
			t.Fatal(err)
		}
		return consumed(out.ConsumedCapacity)
	}
	w.want("40.8 KB, eventually", query(nil, "q", false), "5.5")
	w.want("40.8 KB, consistently", query(nil, "q", true), "11")
	w.want("with a filter that takes none", query(aws.String("attribute_exists(none)"), "q", false), "5.5")
	w.want("nothing", query(nil, "z", false), "0.5")
	w.put(w.update("r1", 350_000, "", nil))
	w.put(w.update("r2", 350_000, "", nil))
	w.want("700,000 bytes", query(nil, "r", false), "85.5")
	for n := range 4 {
		w.put(w.update(fmt.Sprint("s", n), 350*kb, "", nil))
	}
	w.want("a page of four of 350 KB: the two that stay within 1 MB", query(nil, "s", false), "87.5")
	w.put(w.update("b1", 1536, "", nil))
	w.put(w.update("b2", 6656, "", nil))
	out, err := w.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		RequestItems: map[string]types.KeysAndAttributes{*table1: {Keys: []map[string]types.AttributeValue{key("b1"), key("b2")}, ConsistentRead: aws.Bool(true)}}})
	if err != nil {
		t.Fatal(err)
	}
	w.want("1.5 KB and 6.5 KB in a batch", consumed(&out.ConsumedCapacity[0]), "3")
	bill := s.Billed()
	if got := bill[Line{"BatchGetItem", *table1, ""}]; got != (Units{HalfReads: 6}) {
		t.Errorf("the bill says %v of %v", got, bill)
	}
	w.get("b1", false)
	if more := s.Billed().Since(bill); len(more) != 1 || more.Total().String() != "0 writes, 0.5 reads" {
		t.Errorf("one read more is %v", more)
	}
}

// What does not come to pass is billed all the same: a condition that fails by what is there, a transaction whole.
func TestUnitsOfWhatIsRefused(t *testing.T) {
	t.Parallel()
	s := &Server{}
	w := at(t, "http://dynamodb.example", s)
	w.put(w.update("a", 3*kb, "", nil))
	before := s.Billed()
	refused := w.update("a", 100, "", nil)
	refused.ConditionExpression = aws.String("attribute_not_exists(p)")
	var failed *types.ConditionalCheckFailedException
	if _, err := w.UpdateItem(t.Context(), refused); !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if got := s.Billed().Since(before).Total(); got.Writes != 3 {
		t.Errorf("a condition that fails on 3 KB: %v", got)
	}
	before = s.Billed()
	var canceled *types.TransactionCanceledException
	_, err := w.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{transacted(w.update("b", 2*kb, "", nil)), transacted(refused)}})
	if !errors.As(err, &canceled) {
		t.Fatal(err)
	}
	if got := s.Billed().Since(before).Total(); got.Writes != 2*2+2*3 {
		t.Errorf("a transaction that is canceled: %v", got)
	}
	before = s.Billed()
	s.Faults = func(string) *Fault { return &Fault{Code: "ThrottlingException"} }
	if _, err := w.UpdateItem(t.Context(), w.update("c", 100, "", nil)); err == nil || len(s.Billed().Since(before)) != 0 {
		t.Errorf("what is throttled is billed: %v, %v", err, s.Billed().Since(before))
	}
}

// A transaction asked for again under its token writes nothing: its items are read, as transactions read, two units each
// begun 4 KB.
func TestUnitsOfATransactionAskedForAgain(t *testing.T) {
	t.Parallel()
	s := &Server{}
	w := at(t, "http://dynamodb.example", s)
	both := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String("token"), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		TransactItems: []types.TransactWriteItem{transacted(w.update("a", 100, "", nil)), transacted(w.update("b", 5*kb, "", nil))}}
	for n, want := range []string{"2 10", "2 4", "2 4"} {
		before := s.Billed()
		out, err := w.TransactWriteItems(t.Context(), both)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, c := range out.ConsumedCapacity {
			told = append(told, consumed(&c))
		}
		w.want(fmt.Sprintf("the transaction, %d times before,", n), strings.Join(told, " "), want)
		billed := "0 writes, 6 reads"
		if n == 0 {
			billed = "12 writes, 0 reads"
		}
		w.want(fmt.Sprintf("by the bill the transaction, %d times before,", n), s.Billed().Since(before).Total().String(), billed)
	}
}

// No service of ours has sets; one that begins to must not find them kept as if they weighed nothing.
func TestSetsAreRefused(t *testing.T) {
	t.Parallel()
	s := &Server{}
	w := at(t, "http://dynamodb.example", s)
	set := &types.AttributeValueMemberSS{Value: []string{"ab", "cd"}}
	for what, v := range map[string]types.AttributeValue{"strings": set, "numbers": &types.AttributeValueMemberNS{Value: []string{"1"}}, "bytes": &types.AttributeValueMemberBS{Value: [][]byte{{1}}},
		"in a list": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("a"), set}},
		"in a map":  &types.AttributeValueMemberM{Value: attributes{"k": &types.AttributeValueMemberL{Value: []types.AttributeValue{set}}}}} {
		_, err := w.UpdateItem(t.Context(), w.update("a", 100, ", x = :x", attributes{":x": v}))
		if err == nil || !strings.Contains(err.Error(), "ValidationException") || !strings.Contains(err.Error(), "sets are not played here") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if kept := s.Largest(*table1); kept > 0 {
		t.Errorf("an item of %d bytes was kept", kept)
	}
}

// Sizes as AWS's documentation has them.
func TestSizes(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int{
		`{"S":"Grüße"}`: 7, `{"N":"0"}`: 1, `{"N":"7"}`: 2, `{"N":"27"}`: 2, `{"N":"-27"}`: 3, `{"N":"1893456000000000000"}`: 5, `{"N":"0.00120"}`: 2,
		`{"N":"1e3"}`: 2, `{"N":"-1.50E-12"}`: 3, `{"N":"+120e2"}`: 2, `{"N":"-0.0e7"}`: 1, `{"N":"10.05"}`: 3, `{"N":"100"}`: 2,
		`{"B":"AQID"}`: 3, `{"B":"AQ=="}`: 1, `{"BOOL":true}`: 1, `{"NULL":true}`: 1, `{"L":[]}`: 3, `{"L":[{"S":"ab"},{"N":"1"}]}`: 9, `{"M":{"k":{"S":"ab"}}}`: 7,
	} {
		var i item
		if err := unmarshal(`{"n":`+raw+`}`, &i); err != nil {
			t.Fatal(err)
		}
		if got := i["n"].size(); got != want {
			t.Errorf("%s has %d bytes, want %d", raw, got, want)
		}
	}
}
