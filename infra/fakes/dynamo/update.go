package dynamo

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
)

// update carries out "SET … REMOVE …" on next, a copy of what is there.
func update(expression string, there, next item, v *values) (err error) {
	defer caught(&err)
	v.scan(expression)
	r := &reader{left: tokens(expression), item: there, values: v}
	var touched []string
	clause := r.next()
	for clause != "" {
		name := r.next()
		if slices.Contains(touched, name) {
			return invalid("Two document paths overlap with each other: " + name)
		}
		touched = append(touched, name)
		switch clause {
		case "SET":
			r.expect("=")
			next[name] = r.sum()
		case "REMOVE":
			delete(next, name)
		default:
			return invalid("Invalid UpdateExpression: Syntax error; token: " + clause)
		}
		if r.peek() == "," {
			r.next()
		} else {
			clause = r.next()
		}
	}
	return nil
}

func (r *reader) sum() value {
	v := r.term()
	for r.peek() == "+" {
		r.next()
		x, _ := new(big.Int).SetString(v.text(), 10)
		y, _ := new(big.Int).SetString(r.term().text(), 10)
		if x == nil || y == nil {
			panic(invalid("An operand in the update expression has an incorrect data type"))
		}
		v = value{"N": json.RawMessage(strconv.Quote(x.Add(x, y).String()))}
	}
	return v
}

// term is what a SET may assign.
func (r *reader) term() value {
	switch r.peek() {
	case "if_not_exists":
		r.next()
		r.expect("(")
		v, there := r.operand()
		r.expect(",")
		other := r.term()
		r.expect(")")
		if there {
			return v
		}
		return other
	case "list_append":
		r.next()
		r.expect("(")
		a, okA := r.term().list()
		r.expect(",")
		b, okB := r.term().list()
		r.expect(")")
		raw, err := json.Marshal(append(slices.Clone(a), b...))
		if !okA || !okB || err != nil {
			panic(invalid("An operand in the update expression has an incorrect data type"))
		}
		if string(raw) == "null" {
			raw = json.RawMessage("[]")
		}
		return value{"L": raw}
	}
	v, there := r.operand()
	if !there {
		panic(invalid("The provided expression refers to an attribute that does not exist in the item"))
	}
	return v
}
