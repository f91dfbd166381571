// Package secret lets a function's variables name secrets instead of holding them:
//
//	BANYAN_KEY=secretsmanager:banyan/prod/key            a whole secret of Secrets Manager
//	STRIPE_KEY=secretsmanager:banyan/prod/acquirers#key  a field of one that is a JSON object
//	PEPPER=ssm:/banyan/prod/pepper                       a parameter of SSM, decrypted
//
// What they name is asked for once, when the function starts, so that no secret stands in its configuration. A changed
// secret is seen by environments that start after it.
package secret

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// patience is shorter than the 10 s that Lambda gives to init: what fails by then fails with names, not with a kill.
const patience = 8 * time.Second

// Names is a cloud.Part, and stands first: the parts after it, and the service, read through the Getenv that it leaves. It
// looks at every variable of the process. A reference that cannot be resolved is named in the error with its variable and
// the reason; no value is ever named.
func Names(ctx context.Context, f *cloud.Function) error {
	return names(ctx, f, os.Environ())
}

// names resolves those of an environment's variables (NAME=value) that are references.
func names(ctx context.Context, f *cloud.Function, environ []string) error {
	before := f.Env.Getenv
	wanted := map[string]reference{} // by variable
	for _, line := range environ {
		name, _, _ := strings.Cut(line, "=")
		if r, is := parse(before(name)); is {
			wanted[name] = r
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	values, err := resolve(wanted, fetch(ctx, sources(f.AWS), wanted))
	f.Env.Getenv = func(name string) string {
		if v, is := values[name]; is {
			return v
		}
		return before(name)
	}
	return err
}

// reference is what a variable's value names.
type reference struct {
	store string // "secretsmanager" or "ssm"
	name  string
	field string // of a JSON object; empty: the whole
}

func (r reference) secret() reference { return reference{store: r.store, name: r.name} }

func (r reference) String() string {
	if r.field != "" {
		return r.store + ":" + r.name + "#" + r.field
	}
	return r.store + ":" + r.name
}

// parse reads a variable's value; most are no references.
func parse(value string) (r reference, is bool) {
	store, name, _ := strings.Cut(value, ":")
	switch store {
	case "secretsmanager":
		name, field, _ := strings.Cut(name, "#")
		return reference{store, name, field}, true
	case "ssm":
		return reference{store: store, name: name}, true
	}
	return reference{}, false
}
