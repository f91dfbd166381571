package dash_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/kv"
)

// cuttable is a store that is away while it is told so.
type cuttable struct {
	kv.Store
	cut atomic.Bool
}

func (c *cuttable) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	if c.cut.Load() {
		return kv.Item{}, errors.New("the cable is out")
	}
	return c.Store.Get(ctx, key)
}

// G19, T-8: a rollback with the store away is done, and the answer, the status and the page say that it is done here alone.
func TestARollbackWithoutTheStore(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("gateway.yaml", []byte(file), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store := &cuttable{Store: kv.NewMem()}
	plan, err := cutover.Open(t.Context(), cutover.Options{Seeds: c.Seeds(), Open: func() (kv.Store, error) { return store, nil }})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := split.NewKeyring(split.Secret{ID: "k1", Value: "a secret of some length"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := dash.New(dash.Options{Plan: plan, Config: func() *config.Config { return c }, Keys: ring, Token: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	d := &desk{t: t, url: server.URL, plan: plan}
	store.cut.Store(true)
	want := "this gateway sends postcode to drupal now; the store cannot be reached, so other gateways are not told: call each (--admin), or use the kill file"
	status, _, body := d.call("POST", "/v1/groups/postcode:rollback", `{"actor":"ada","reason":"declines doubled"}`)
	if status != http.StatusAccepted || !strings.Contains(body, want) || !strings.Contains(body, `"pending":true`) || !strings.Contains(body, `"weight":0`) {
		t.Errorf("%d %s", status, body)
	}
	if _, _, body := d.call("GET", "/v1/status", ""); !strings.Contains(body, `"stale":true`) || !strings.Contains(body, want) {
		t.Errorf("the status: %s", body)
	}
	if status, _, body := d.call("POST", "/v1/groups/postcode:hold", `{"actor":"ada","reason":"x"}`); status != http.StatusServiceUnavailable || !strings.Contains(body, "nothing was changed") {
		t.Errorf("another change: %d %s", status, body)
	}
	if status, _, body := d.call("GET", "/v1/journal/verify", ""); status != http.StatusServiceUnavailable {
		t.Errorf("a store that is away says nothing of the journal: %d %s", status, body)
	}
	store.cut.Store(false)
	if status, _, body := d.call("POST", "/v1/groups/postcode:rollback", `{"actor":"ada","reason":"declines doubled"}`); status != http.StatusOK || strings.Contains(body, "pending") {
		t.Errorf("with the store back: %d %s", status, body)
	}
}
