package dynamo

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/kvtest"
)

// at points a DB to an emulator.
func at(url string, client aws.HTTPClient) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.BaseEndpoint, o.Region, o.HTTPClient = &url, "eu-west-1", client
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		})
	}
}

// inTurn carries out one request after the other: moto does not, and lets two conditional writes through at once.
type inTurn struct {
	mu   sync.Mutex
	next aws.HTTPClient
}

func (c *inTurn) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next.Do(r)
}

func TestSuiteOnMoto(t *testing.T) {
	t.Parallel()
	server := moto.Test(t)
	client := &inTurn{next: &http.Client{}}
	var n atomic.Int64
	kvtest.Run(t, func(t *testing.T) kv.Store {
		return emptyStore(t, fmt.Sprint("t", n.Add(1)), at(server.URL, client))
	})
}

// emptyStore is donate's table, made under a prefix that nobody else uses; its clock stands at noon.
func emptyStore(t *testing.T, prefix string, options func(*dynamodb.Options)) kv.Store {
	t.Helper()
	db, err := Open(t.Context(), prefix, options)
	if err != nil {
		t.Fatal(err)
	}
	db.Now = func() time.Time { return kvtest.Noon }
	if err := db.Create(t.Context(), "donate"); err != nil {
		t.Fatal(err)
	}
	return db.Store("donate")
}
