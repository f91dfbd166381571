package journal

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// Keep opens the journal of a state whose changes are records of one type. Those of an earlier journal in the file are
// applied again, and the file is made anew from what whole then says of the state: the fewest records that make it.
func Keep[R any](file string, apply func(R), whole func(say func(R) error) error) (*Journal, error) {
	if _, err := os.Stat(file); err == nil {
		if err := renew(file, apply, whole); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return Open(file, func([]byte) error { return nil })
}

func renew[R any](file string, apply func(R), whole func(say func(R) error) error) error {
	old, err := Open(file, func(raw []byte) error {
		var r R
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		apply(r)
		return nil
	})
	if err == nil {
		err = old.Close()
	}
	if err != nil {
		return err
	}
	return Rewrite(file, func(put func([]byte) error) error {
		return whole(func(r R) error {
			raw, err := json.Marshal(r)
			if err != nil {
				return err
			}
			return put(raw)
		})
	})
}

// Add appends a change to a journal; to the nil one it is nothing.
func Add[R any](j *Journal, r R) {
	if j == nil {
		return
	}
	raw, err := json.Marshal(r)
	if err != nil {
		panic("journal: " + err.Error()) // a fake's own type
	}
	j.Append(raw)
}
