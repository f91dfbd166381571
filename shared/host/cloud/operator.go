package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/banyan-migration/banyan/shared/host"
)

// asOperator puts into a context whom a token names, as an HTTP API has checked it: by its subject, which nobody can change as
// they can their address, with the roles of its groups.
func asOperator(ctx context.Context, claims map[string]string) context.Context {
	name := claims["sub"]
	if name == "" {
		name = claims["email"]
	}
	if name == "" {
		return ctx
	}
	roles := append(listed(claims["cognito:groups"]), listed(claims["roles"])...)
	return host.As(ctx, host.Operator{Name: name, Roles: roles})
}

// listed is a claim of several values, which an HTTP API writes as [a b].
func listed(claim string) []string {
	return strings.FieldsFunc(strings.Trim(claim, "[]"), func(r rune) bool { return r == ' ' || r == ',' })
}

var keyHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// callersOf reads CALLERS: who may call with a key, by the key's SHA-256 in hex. Empty: nobody.
func callersOf(text string) (map[string]host.Operator, error) {
	if text == "" {
		return nil, nil
	}
	var callers map[string]host.Operator
	if err := json.Unmarshal([]byte(text), &callers); err != nil {
		return nil, fmt.Errorf(`CALLERS is not {"SHA-256 of a key in hex": {"name": …, "roles": […]}, …}: %w`, err)
	}
	for hash, c := range callers {
		if !keyHash.MatchString(hash) || c.Name == "" {
			return nil, fmt.Errorf("CALLERS: each needs the SHA-256 of its key, 64 digits of lower-case hex, and a name (here: %q)", c.Name)
		}
	}
	return callers, nil
}

// originsOf reads ORIGINS: the pages that may call from a browser, with commas between them.
func originsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
