package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// retention is how long rejects and conflicts are kept: they hold people's data.
const retention = 30 * 24 * time.Hour

// Reject is a row that was not moved, or, with Service set, a part of a moved row that its service refused. It holds
// people's data; as JSON it is a line of the rejects file.
type Reject struct {
	Form    string              `json:"form"`
	SID     int64               `json:"sid"`
	Service string              `json:"service,omitempty"`
	Reason  string              `json:"reason"` // draft, duplicate, or the component that is wrong
	Message string              `json:"message"`
	Values  map[string][]string `json:"values"`
}

// Conflict is a row that both sides changed since it was moved, or that one changed and the other deleted. It holds
// people's data; as JSON it is a line of the conflicts file.
type Conflict struct {
	Form    string              `json:"form"`
	SID     int64               `json:"sid"`
	Service string              `json:"service"`
	Stands  string              `json:"stands"`           // source or target: whose version holds
	Source  map[string][]string `json:"source,omitempty"` // what the old site says, if it lost; empty: that the row is gone
	Target  []json.RawMessage   `json:"target,omitempty"` // what the service had, if that lost; empty: nothing any more
	At      time.Time           `json:"at"`
}

// Rejects calls yield with each reject of a form that the store keeps, in the order of sids, until yield returns an
// error, which it then returns. They are kept for 30 days after they were last looked at; a row that moves later loses its own.
func Rejects(ctx context.Context, store kv.Store, f form.Form, yield func(Reject) error) error {
	return listed(ctx, store, rejectsPart(f), yield)
}

// Conflicts calls yield with each conflict of a form, as Rejects does.
func Conflicts(ctx context.Context, store kv.Store, f form.Form, yield func(Conflict) error) error {
	return listed(ctx, store, conflictsPart(f), yield)
}

func rejectsPart(f form.Form) string { return "move/" + f.Alias + "/rejects" }

func conflictsPart(f form.Form) string { return "move/" + f.Alias + "/conflicts" }

func listed[T any](ctx context.Context, store kv.Store, part string, yield func(T) error) error {
	for after := ""; ; {
		items, err := store.List(ctx, part, "", after, 500)
		if err != nil {
			return fmt.Errorf("move: %s: %w", part, err)
		}
		if len(items) == 0 {
			return nil
		}
		for _, item := range items {
			var v T
			if err := json.Unmarshal(item.Data, &v); err != nil {
				return fmt.Errorf("move: %s %s cannot be read: %w", part, item.Key.Sort, err)
			}
			if err := yield(v); err != nil {
				return err
			}
			after = item.Key.Sort
		}
	}
}

// rejectKey is where a row's reject lies, or its part's.
func rejectKey(f form.Form, sid int64, service string) kv.Key {
	sort := fmt.Sprintf("%019d", sid)
	if service != "" {
		sort += "/" + service
	}
	return kv.Key{Part: rejectsPart(f), Sort: sort}
}

func rejected(j Job, r Reject) kv.Write {
	data, err := json.Marshal(r)
	if err != nil {
		panic("move: " + err.Error()) // texts only
	}
	return kv.Write{Key: rejectKey(j.Form, r.SID, r.Service), Data: data, Expires: j.now().Add(retention)}
}

func reject(r form.Record, reason, message string) Reject {
	return Reject{Form: r.Form, SID: r.SID, Reason: reason, Message: message, Values: r.Values}
}

// refusal takes the reason from the first fault of what Import returned.
func refusal(r form.Record, err error) Reject {
	var f *fault.Error
	if errors.As(err, &f) && f.Field != "" {
		return reject(r, f.Field, f.Text)
	}
	return reject(r, "import", err.Error())
}
