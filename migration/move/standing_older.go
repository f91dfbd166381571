package move

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrOlder says that a dump was made before what was followed already: its rows would undo what came since. It is the call's mistake, and
// not the world's.
var ErrOlder = errors.New("move: the dump is older than what was followed before")

// older is an ErrOlder that says what is older than what, and how to go on.
type older string

func (e older) Error() string {
	return string(e) + ": it would undo what came since. Make a new dump of the old site and take that, or take this one into a new store. Nothing of this form was changed"
}

// Is says what kind of error it is.
func (e older) Is(kind error) bool { return kind == ErrOlder }

// zones is how far a local time can lie from UTC, at most: 14 hours ahead of it.
const zones = 14 * time.Hour

// newer refuses a dump that is older than what the services have of the site, before anything of it is moved. A dump says in
// its last line when it was made, by its server's clock and without a zone. So two dumps are held against each other as
// they are, and a dump against the time of a live sync with the 14 hours that a zone may make; a dump that says nothing is taken as
// made now. (In the hour that autumn has twice a newer dump may seem older: the next one does not.) Runs that did not come to
// their end do not count.
func (m *mover) newer(ctx context.Context) error {
	if m.job.Source.Live() {
		return nil
	}
	had, err := StandingOf(ctx, m.store, m.job.Form)
	if err != nil || had.Dump.IsZero() && had.Live.IsZero() { // and nobody need look for the last line
		return err
	}
	made, err := m.made(ctx)
	switch {
	case err != nil || made.IsZero():
		return err
	case made.Before(had.Dump):
		return older(fmt.Sprintf("this dump was made on %s, and one that was made on %s was followed before (the last line of each says so)",
			made.Format(time.DateTime), had.Dump.Format(time.DateTime)))
	case made.Before(had.Live.Add(-zones)):
		return older(fmt.Sprintf("this dump was made on %s (its last line says so), and the services followed the live site on %s UTC, or a dump without a date then",
			made.Format(time.DateTime), had.Live.Format(time.DateTime)))
	}
	return nil
}

// made is when the source was; zero: now. A time that has not come yet anywhere is a wrong clock's, and none.
func (m *mover) made(ctx context.Context) (time.Time, error) {
	made, err := m.job.Source.Made(ctx)
	if err != nil || made.After(m.job.now().Add(zones)) {
		return time.Time{}, err
	}
	return made, nil
}

// asOf notes how new the source is that a run has followed to its end.
func (m *mover) asOf(ctx context.Context) (func(*Standing), error) {
	made, err := m.made(ctx)
	if err != nil {
		return nil, err
	}
	return func(s *Standing) {
		switch {
		case made.IsZero():
			s.Live = m.job.now().UTC()
		case made.After(s.Dump):
			s.Dump = made
		}
	}, nil
}
