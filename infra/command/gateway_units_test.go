package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
)

// meter counts the units that a table would bill, from what is sent and answered: never less than DynamoDB does, as JSON is longer than an item.
type meter struct {
	fake.Server
	mu          sync.Mutex
	read, wrote int // units; a transaction's count twice
}

func (m *meter) Do(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	answer, err := m.Server.Do(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(got))
	m.mu.Lock()
	defer m.mu.Unlock()
	switch target := r.Header.Get("X-Amz-Target"); target {
	case "DynamoDB_20120810.GetItem", "DynamoDB_20120810.Query":
		m.read += 1 + len(got)/4096
	case "DynamoDB_20120810.UpdateItem", "DynamoDB_20120810.DeleteItem":
		m.wrote += 1 + len(sent)/1024
	case "DynamoDB_20120810.TransactWriteItems":
		var all struct{ TransactItems []json.RawMessage }
		if err := json.Unmarshal(sent, &all); err != nil {
			return nil, err
		}
		for _, one := range all.TransactItems {
			m.wrote += 2 * (1 + len(one)/1024)
		}
	case "DynamoDB_20120810.CreateTable", "DynamoDB_20120810.DescribeTable", "DynamoDB_20120810.UpdateTimeToLive":
	default:
		return nil, fmt.Errorf("what does %s cost?", target)
	}
	return answer, err
}

// A shared plan is looked at four times a second, so that a rollback is in force everywhere within one, and the judge's replicas meet every
// second. This is what two gateways of three quiet groups ask of the table; infra/gateway.yaml names the figure, so it may not grow unseen.
func TestUnitsOfASharedPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meter{}
		const minutes = 10
		ctx, stop := context.WithCancel(t.Context())
		var both sync.WaitGroup
		for i := range 2 {
			quiet(t, ctx, &both, m, fmt.Sprintf("gw-%d", i+1))
		}
		time.Sleep(minutes * time.Minute) // the bubble's clock
		stop()
		both.Wait()
		const month = 30 * 24 * 60
		reads, writes := m.read*month/minutes, m.wrote*month/minutes
		t.Logf("two idle gateways: %.1f million read units and %.1f million write units a month", float64(reads)/1e6, float64(writes)/1e6)
		stack, err := os.ReadFile("../gateway.yaml")
		if err != nil {
			t.Fatal(err)
		}
		// Which of the two is first in each second is not ours to say, and moves the sum by a hundredth.
		if said := fmt.Sprintf("%.0f million units of reading and %.0f million of writing a month", float64(reads)/1e6, float64(writes)/1e6); !strings.Contains(string(stack), said) {
			t.Errorf("%s (%d and %d); infra/gateway.yaml names another figure", said, reads, writes)
		}
	})
}

// quiet runs what of a gateway talks to the plan's table.
func quiet(t *testing.T, ctx context.Context, all *sync.WaitGroup, m *meter, id string) {
	t.Helper()
	db, err := dynamo.Open(ctx, "units", func(o *dynamodb.Options) {
		o.BaseEndpoint, o.Region, o.HTTPClient = aws.String("http://dynamodb.example"), "eu-west-1", m
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		})
	})
	if err == nil {
		err = db.Create(ctx, planTable)
	}
	if err != nil {
		t.Fatal(err)
	}
	store := db.Store(planTable)
	open := func() (kv.Store, error) { return store, nil }
	seeds := map[string]cutover.Seed{}
	for _, group := range []string{"donate", "payments", "postcode"} {
		seeds[group] = cutover.Seed{Phase: cutover.Off, Policy: judge.Default}
	}
	plan, err := cutover.Open(ctx, cutover.Options{Open: open, Seeds: seeds, Replica: id})
	if err != nil {
		t.Fatal(err)
	}
	a := analysis.New(analysis.Options{Plan: plan, Store: open, Replica: id, Policy: func(string) judge.Policy { return judge.Default }})
	all.Go(func() { plan.Run(ctx) })
	all.Go(func() { a.Run(ctx) })
}
