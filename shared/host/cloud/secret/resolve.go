package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// found is what a store answered for one secret.
type found struct {
	value string
	err   error
}

// resolve gives each variable its value, of secrets that were fetched. The error names every variable that gets none, in
// order. It never holds a piece of a secret: not even what the JSON parser would say, which quotes.
func resolve(wanted map[string]reference, secrets map[reference]found) (map[string]string, error) {
	values := map[string]string{}
	var failed error
	for _, variable := range slices.Sorted(maps.Keys(wanted)) {
		r := wanted[variable]
		v, err := one(r, secrets[r.secret()])
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %s: %w", variable, r, err))
			continue
		}
		values[variable] = v
	}
	return values, failed
}

func one(r reference, f found) (string, error) {
	if f.err != nil || r.field == "" {
		return f.value, f.err
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(f.value), &fields) != nil || fields == nil {
		return "", errors.New("the secret is no JSON object, so it has no fields")
	}
	raw, is := fields[r.field]
	if !is {
		return "", errors.New("the secret has no such field")
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
		return text, nil
	}
	var scalar json.Number
	if json.Unmarshal(raw, &scalar) == nil && string(raw) != "null" {
		return scalar.String(), nil
	}
	return "", errors.New("the field is no text and no number")
}
