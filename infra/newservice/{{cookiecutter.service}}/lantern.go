// Package lantern keeps notes, each under an id of its own. It is where a new service begins: change the nouns, and say
// here, in two sentences that a fundraiser would sign, what it is for.
package lantern

import (
	"context"
	"time"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
)

type service struct {
	notes kv.Table[Note]
	now   func() time.Time
	newID func() string
}

// New needs the store alone. What else a service needs is named in host.Env; a variable that is missing is an error.
func New(env host.Env) (host.Service, error) {
	s := &service{notes: kv.Table[Note]{Store: env.Store, Name: "note", Parts: parts}, now: env.Now, newID: env.NewID}
	return host.Service{HTTP: s.routes()}, nil
}

// parts spreads the notes; it never changes once there are any.
const parts = 8

// Note is what somebody left.
type Note struct {
	ID   string    `json:"id"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// request is what somebody sends.
type request struct {
	Text string `json:"text"`
}

// longest is of a note's text, in bytes.
const longest = 2000

// Validate names every wrong field at once.
func (r request) Validate() error {
	switch {
	case r.Text == "":
		return fault.Wrong("text", "Please write something")
	case len(r.Text) > longest:
		return fault.Wrong("text", "Please keep it to 2,000 letters")
	}
	return nil
}

// keep keeps a note. Whoever sends it twice has two: nothing hangs on it.
func (s *service) keep(ctx context.Context, in request) (Note, error) {
	note := Note{ID: s.newID(), Text: in.Text, At: s.now().UTC()}
	return note, s.notes.Store.Commit(ctx, s.notes.Put(note.ID, note, kv.Absent))
}
