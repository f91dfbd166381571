// Package secret lets a function's variables name secrets instead of holding them:
//
//	BANYAN_KEY=secretsmanager:banyan/prod#marks   a field of a JSON secret in Secrets Manager
//	STRIPE_KEY=secretsmanager:banyan/stripe       a whole secret
//	PEPPER=ssm:/banyan/prod/pepper                a parameter in SSM, decrypted
//
// What a name stands for is asked for once, at the function's start, and never logged.
package secret

import (
	"context"
	"os"

	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// Names is a cloud.Part, and the first: parts after it read through its Getenv. It looks at every variable of the
// process; those whose value is a reference are answered with what the reference names.
func Names(ctx context.Context, f *cloud.Function) error {
	return names(ctx, f, os.Environ())
}
