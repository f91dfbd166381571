// Package form knows each Drupal webform of the old site and the service's request that it becomes: one mapping,
// used by the gateway's form adapter, the mover, the verifier and the comparison. It is data and pure functions.
package form

import "time"

// Record is one submission of an old form, as the old site stored it.
type Record struct {
	Form   string // "donate", "gift-aid", …: the webform's path alias
	NID    int64  // the webform's node
	SID    int64  // the submission; unique over all forms of one site
	At     time.Time
	Draft  bool
	Values map[string][]string // by form key; an absent key is an absent component, which is not an empty one
	// Origin is the service's own id of a record that it took itself: in what a service's Records gives, and in a row of
	// the old site that reverse wrote there for it. Empty for what the old site took.
	Origin string
	// Mark is "test" for a record of the service's own that is a test's and nobody's: it is not for the old site.
	Mark string
	// Homeless names what the service knows of a record of its own and the form has no component for: "state", "currency".
	Homeless []string
}

// Value is the first value of a component, or "" when it is absent or empty.
func (r Record) Value(key string) string {
	if v := r.Values[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}
