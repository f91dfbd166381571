package command

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
	"github.com/banyan-migration/banyan/shared/mark"
)

// A gateway's state on its own disk: the last good plan, the key that was made where none is configured, and the admin API's door. It lies
// beside the plan's store where that is a file; of a shared plan, which lies in DynamoDB, in .banyan of the working folder. A gateway
// without a store keeps nothing.

// planTable is the plan's table in a store.
const planTable = "plan"

// answers is how long a shared plan's table may take to be opened: a gateway that is being started goes on with the last plan after that.
const answers = 3 * time.Second

// planFile is the file of a store that is one.
func planFile(store string) (file string, is bool) { return strings.CutPrefix(store, "sqlite:") }

// storeExists says whether there is a plan's store already.
func storeExists(ctx context.Context, store string) (bool, error) {
	if store == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	return local.StoreIsThere(ctx, store, planTable)
}

// openPlan opens the plan's table and returns what closes it.
func openPlan(ctx context.Context, store string) (kv.Store, func() error, error) {
	file, is := planFile(store)
	if !is {
		ctx, cancel := context.WithTimeout(ctx, answers)
		defer cancel()
		named, shut, err := local.OpenStore(ctx, store, planTable)
		if err != nil {
			return nil, nil, err
		}
		return named(planTable), shut, nil
	}
	db, err := sqlite.Open(file)
	if err != nil {
		return nil, nil, err
	}
	if err := db.Ready(planTable); err != nil { // locked by another process: it is tried again
		return nil, nil, errors.Join(err, db.Close())
	}
	return db.Store(planTable), db.Close, nil
}

// lastPlan is where the last good plan is kept, or "".
func lastPlan(store string) string {
	if store == "" {
		return ""
	}
	if file, is := planFile(store); is {
		return strings.TrimSuffix(file, filepath.Ext(file)) + ".json"
	}
	return filepath.Join(".banyan", strings.TrimPrefix(store, "dynamodb:")+"-plan.json")
}

// stateDir is the folder of the state, made where it is missing; empty without a store.
func stateDir(store string) (string, error) {
	if store == "" {
		return "", nil
	}
	dir := filepath.Dir(lastPlan(store))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fail(outside, "store %s: the folder of the last plan cannot be made: %w; nothing was started", store, err)
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
