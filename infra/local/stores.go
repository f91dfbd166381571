package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
)

// ErrNoStore says that a name is none of a store: a mistake in the call, where every other error of OpenStore and
// StoreIsThere lies outside.
var ErrNoStore = errors.New("a store is sqlite:FILE or dynamodb:PREFIX")

// OpenStore opens the services' stores, sqlite:FILE or dynamodb:PREFIX, and closes them by the function that it returns.
// What the named services need is made where it is missing, in a file and in an emulator of DynamoDB; in AWS it must be
// there. A service that is not named may still be asked for.
func OpenStore(ctx context.Context, to string, services ...string) (store func(service string) kv.Store, shut func() error, err error) {
	kind, name, err := storeNamed(to)
	if err != nil {
		return nil, nil, err
	}
	if kind == "dynamodb" {
		return makeTables(ctx, name, services)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil { // before `up` ever ran there is no .banyan
		return nil, nil, err
	}
	db, err := sqlite.Open(name)
	if err != nil {
		return nil, nil, err
	}
	if err := db.Ready(services...); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db.Store, db.Close, nil
}

func makeTables(ctx context.Context, prefix string, services []string) (func(string) kv.Store, func() error, error) {
	db, err := openTables(ctx, prefix)
	if err != nil {
		return nil, nil, err
	}
	ready := db.Ready
	if db.Emulated() {
		ready = db.Create
	}
	if err := ready(ctx, services...); err != nil {
		return nil, nil, err
	}
	return db.Store, func() error { return nil }, nil
}

func openTables(ctx context.Context, prefix string) (*dynamo.DB, error) {
	db, err := dynamo.Open(ctx, prefix)
	if errors.Is(err, dynamo.ErrPrefix) {
		err = fmt.Errorf("%w: %w", ErrNoStore, err)
	}
	return db, err
}

// StoreIsThere says whether OpenStore would find everything that the named services need, and makes nothing.
func StoreIsThere(ctx context.Context, to string, services ...string) (bool, error) {
	kind, name, err := storeNamed(to)
	if err != nil {
		return false, err
	}
	if kind == "sqlite" {
		_, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	db, err := openTables(ctx, name)
	if err != nil {
		return false, err
	}
	missing, err := db.Missing(ctx, services...)
	return err == nil && len(missing) == 0, err
}

func storeNamed(to string) (kind, name string, err error) {
	kind, name, _ = strings.Cut(to, ":")
	if name == "" || kind != "sqlite" && kind != "dynamodb" {
		return "", "", fmt.Errorf("%q names no store: %w", to, ErrNoStore)
	}
	return kind, name, nil
}
