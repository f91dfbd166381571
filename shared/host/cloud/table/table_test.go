package table

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
)

var noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

func function(client aws.HTTPClient, endpoint, table string) *cloud.Function {
	return &cloud.Function{Name: "donate", Env: host.Env{Now: func() time.Time { return noon }, Getenv: func(variable string) string {
		if variable == "TABLE" {
			return table
		}
		return ""
	}}, AWS: aws.Config{Region: "eu-west-1", HTTPClient: client, BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		})}}
}

func TestMissingOrWrongTableIsNamed(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]string{"": "TABLE is missing", "banyan-dev-payments": "named for it", "donate": "named for it", "-donate": "a prefix of tables", "a b-donate": "a prefix of tables"} {
		f := function(&fake.Server{}, "http://dynamodb.example", table)
		if err := Store(t.Context(), f); err == nil || !strings.Contains(err.Error(), want) || f.Env.Store != nil {
			t.Errorf("%q: %v, want %q", table, err, want)
		}
	}
	f := function(&fake.Server{}, "http://dynamodb.example", "banyan-dev-donate")
	f.AWS.Region = ""
	if err := Store(t.Context(), f); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
}

func TestStoreIsTheTableOfThatName(t *testing.T) {
	t.Parallel()
	ours := &fake.Server{}
	for name, at := range map[string]func(t *testing.T) (aws.HTTPClient, string){
		"our own": func(*testing.T) (aws.HTTPClient, string) { return ours, "http://dynamodb.example" },
		"moto": func(t *testing.T) (aws.HTTPClient, string) {
			return &http.Client{Transport: &http.Transport{}}, moto.Test(t).URL
		},
		"ministack": func(t *testing.T) (aws.HTTPClient, string) {
			return &http.Client{Transport: &http.Transport{}}, ministack.Test(t).URL
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, endpoint := at(t)
			f := function(client, endpoint, "banyan-dev-donate")
			if err := Store(t.Context(), f); err != nil { // asks nothing: there is no table yet
				t.Fatal(err)
			}
			db, err := dynamo.With(f.AWS, "banyan-dev")
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Create(t.Context(), "donate"); err != nil {
				t.Fatal(err)
			}
			w := kv.Write{Key: kv.Key{Part: "gift", Sort: "g-1"}, Data: []byte("1"), If: kv.Absent, Expires: noon}
			if err := f.Env.Store.Commit(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			// It has expired by the function's clock, not by ours.
			if err := f.Env.Store.Commit(t.Context(), w); err != nil {
				t.Errorf("an expired item stands in the way: %v", err)
			}
		})
	}
}
