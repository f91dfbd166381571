// Package table gives a function its store: one table in DynamoDB, which TABLE names.
package table

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
)

// Store is a cloud.Part: it sets Env.Store by the variable TABLE, the table's full name, which ends with the service's
// own, such as banyan-prod-donate. Whether the table is there is learned by the first event that needs it.
func Store(_ context.Context, f *cloud.Function) error {
	name := f.Env.Getenv("TABLE")
	if name == "" {
		return errors.New("TABLE is missing: it names the service's table in DynamoDB, such as banyan-prod-" + f.Name)
	}
	prefix, own := strings.CutSuffix(name, "-"+f.Name)
	if !own {
		return fmt.Errorf("TABLE is %q: the table of %s is named for it, such as banyan-prod-%s", name, f.Name, f.Name)
	}
	db, err := dynamo.With(f.AWS, prefix)
	if err != nil {
		return fmt.Errorf("TABLE: %w", err)
	}
	db.Now = f.Env.Now
	f.Env.Store = db.Store(f.Name)
	return nil
}
