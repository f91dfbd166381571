package judge

import (
	"fmt"
	"reflect"
)

// Record is a verdict with all that it was made from, so that it can be made again (J-14).
type Record struct {
	ID        string    `json:"id"`
	Before    State     `json:"before"` // the evidence up to the last look
	Cells     []Cell    `json:"cells"`  // what came since
	Situation Situation `json:"situation"`
	Policy    Policy    `json:"policy"`
	Verdict   Verdict   `json:"verdict"`
}

// Again makes the verdict again from what is stored, by today's arithmetic. The error names what differs from the stored verdict: the
// record was changed, or the arithmetic was: a record of another version may well come out otherwise, and the error tells both versions.
func (r Record) Again() (Verdict, error) {
	s := r.Before
	for _, c := range r.Cells {
		s.Add(c, r.Policy)
	}
	v := Look(s, r.Situation, r.Policy)
	old := reflect.ValueOf(r.Verdict)
	for i, fresh := 0, reflect.ValueOf(v); i < fresh.NumField(); i++ {
		a, b := old.Field(i).Interface(), fresh.Field(i).Interface()
		if !reflect.DeepEqual(a, b) {
			return v, fmt.Errorf("judge: verdict %s cannot be made again: its %s was %v and comes out as %v (stored by version %d of the arithmetic, this is %d)",
				r.ID, fresh.Type().Field(i).Name, a, b, r.Verdict.Version, Version)
		}
	}
	return v, nil
}
