package form

import (
	"maps"
	"reflect"
	"testing"
)

func TestCanonicalIsWhatWasMeant(t *testing.T) {
	t.Parallel()
	typed := Record{Form: "donate", Values: map[string][]string{"amount": {"£1,000"}, "first_name": {"  Ann  "}, "email": {"Ann@Example.ORG "},
		"postcode": {"sw1a1aa"}, "country": {"uk"}, "gift_aid": {"1"}, "message": {" as typed "}}}
	kept := Record{Form: "donate", Values: map[string][]string{"amount": {"1000.00"}, "first_name": {"Ann"}, "email": {"Ann@example.org"},
		"postcode": {"SW1A 1AA"}, "country": {"GB"}, "gift_aid": {"1"}, "message": {" as typed "}}}
	if a, b := Canonical(typed), Canonical(kept); !reflect.DeepEqual(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
	for key, other := range map[string]string{"amount": "1000.01", "first_name": "Anne", "email": "anne@example.org", "postcode": "SW1A 2AA", "gift_aid": "0", "message": "as typed"} {
		changed := Record{Form: "donate", Values: maps.Clone(kept.Values)}
		changed.Values[key] = []string{other}
		if reflect.DeepEqual(Canonical(changed), Canonical(typed)) {
			t.Errorf("%s is %q, and nobody sees it", key, other)
		}
	}
	if got := Canonical(Record{Form: "contact-us", Values: map[string][]string{"topic": {"a", "b"}}}); len(got["topic"]) != 2 {
		t.Errorf("a form without a mapping is %q", got)
	}
}
