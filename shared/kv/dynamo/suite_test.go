package dynamo

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/infra/fakes/ministack"
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

// empty is donate's table, made under a prefix of its own; its clock stands at noon.
func empty(t testing.TB, prefix string, options func(*dynamodb.Options)) *store {
	t.Helper()
	db, err := Open(t.Context(), prefix, options)
	if err != nil {
		t.Fatal(err)
	}
	db.Now = func() time.Time { return kvtest.Noon }
	if err := db.Create(t.Context(), "donate"); err != nil {
		t.Fatal(err)
	}
	return db.Store("donate").(*store)
}

// faked is a table in a server of its own, which takes orders for faults.
func faked(t testing.TB) (*store, *fake.Server) {
	server := &fake.Server{}
	return empty(t, "faked", at("http://dynamodb.example", server)), server
}

func TestSuite(t *testing.T) {
	t.Parallel()
	kvtest.Run(t, func(t *testing.T) kv.Store {
		s, _ := faked(t)
		return s
	})
}

// emulators are the servers that play DynamoDB, by name.
var emulators = map[string]func(*testing.T) string{
	"moto":      func(t *testing.T) string { return moto.Test(t).URL },
	"ministack": func(t *testing.T) string { return ministack.Test(t).URL },
}

func TestSuiteOnEmulators(t *testing.T) {
	t.Parallel()
	for name, start := range emulators {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := at(start(t), &http.Client{Transport: &http.Transport{}})
			var n atomic.Int64
			kvtest.Run(t, func(t *testing.T) kv.Store {
				return empty(t, fmt.Sprint("t", n.Add(1)), options)
			})
		})
	}
}
