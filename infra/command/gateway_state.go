package command

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
	"github.com/banyan-migration/banyan/shared/mark"
)

// A gateway's state lies beside its plan's store: the store, the last good plan (plan.json), the key that was made
// where none is configured, and the admin API's door. A gateway without a store keeps nothing.

// planFile is the store's file, or "".
func planFile(store string) string { return strings.TrimPrefix(store, "sqlite:") }

func storeExists(store string) bool {
	_, err := os.Stat(planFile(store))
	return store != "" && err == nil
}

// openPlan opens the plan's table and returns what closes it.
func openPlan(store string) (kv.Store, func() error, error) {
	db, err := sqlite.Open(planFile(store))
	if err != nil {
		return nil, nil, err
	}
	if err := db.Ready("plan"); err != nil { // locked by another process: it is tried again
		return nil, nil, errors.Join(err, db.Close())
	}
	return db.Store("plan"), db.Close, nil
}

// lastPlan is where the last good plan is kept, or "".
func lastPlan(store string) string {
	if store == "" {
		return ""
	}
	file := planFile(store)
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".json"
}

// stateDir is the folder of a store, made where it is missing; empty without a store.
func stateDir(store string) (string, error) {
	if store == "" {
		return "", nil
	}
	dir := filepath.Dir(planFile(store))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fail(outside, "store %s: its folder cannot be made: %w; nothing was started", store, err)
	}
	return dir, nil
}

// signingKeys are the configured ones, or one that is made once and kept: cookies and overrides outlive a restart.
func signingKeys(configured []split.Secret, dir string) ([]split.Secret, error) {
	if len(configured) > 0 {
		return configured, nil
	}
	made := split.Secret{ID: mark.Sole, Value: rand.Text() + rand.Text()}
	if dir == "" {
		return []split.Secret{made}, nil
	}
	var err error
	if made.Value, err = local.KeepKey(dir); err != nil {
		return nil, fail(outside, "%w; nothing was started", err)
	}
	return []split.Secret{made}, nil
}
