package local

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/shared/kv"
)

// A store is opened by its name alone, and is the same one the next time.
func TestStoresByName(t *testing.T) {
	server := httptest.NewServer(&fake.Server{})
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} {
		t.Setenv(name, value)
	}
	file := filepath.Join(t.TempDir(), "not", "yet", "services.db")
	for _, to := range []string{"sqlite:" + file, "dynamodb:charity"} {
		if there, err := StoreIsThere(t.Context(), to, "donate"); there || err != nil {
			t.Errorf("%s is there before it was made: %v", to, err)
		}
		for round, want := range []kv.Condition{kv.Absent, 1} {
			store, shut, err := OpenStore(t.Context(), to, "donate", "payments")
			if err != nil {
				t.Fatal(err)
			}
			if err := store("donate").Commit(t.Context(), kv.Write{Key: kv.Key{Part: "p", Sort: "a"}, If: want}); err != nil {
				t.Errorf("%s, opened %d times: %v", to, round+1, err)
			}
			if err := shut(); err != nil {
				t.Error(err)
			}
		}
		if there, err := StoreIsThere(t.Context(), to, "donate", "payments"); !there || err != nil {
			t.Errorf("%s is not there: %v", to, err)
		}
	}
	if there, err := StoreIsThere(t.Context(), "dynamodb:charity", "donate", "giftaid"); there || err != nil {
		t.Errorf("a store that lacks a table is there: %v", err)
	}
}

// What is wrong with the call, and what is wrong outside of it.
func TestStoresThatCannotBeOpened(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close() // nobody listens there any more
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": server.URL, "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	refused := func(to, want string, ours bool) {
		t.Helper()
		_, _, opened := OpenStore(t.Context(), to, "donate")
		_, there := StoreIsThere(t.Context(), to, "donate")
		for _, err := range []error{opened, there} {
			if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ErrNoStore) != ours {
				t.Errorf("%s: %v, want %q", to, err, want)
			}
		}
	}
	for _, to := range []string{"", "services.db", "sqlite:", "dynamodb:", "dynamo:charity", "mysql://db.example/drupal"} {
		refused(to, "sqlite:FILE or dynamodb:PREFIX", true)
	}
	refused("dynamodb:a b", `"a b"`, true)
	refused("dynamodb:charity", "set AWS_REGION", false)
	t.Setenv("AWS_REGION", "eu-west-1")
	refused("dynamodb:charity", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", false)
}
