package lantern_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/services/lantern"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
)

// The scenarios play in every world (hosttest.WorldFile).

func open(t *testing.T) *hosttest.Service {
	return hosttest.NewWorld(t).Start(t, lantern.New)
}

func TestScenarioANoteIsKept(t *testing.T) {
	t.Parallel()
	s := open(t)
	var note lantern.Note
	a := s.Do("POST", "/lantern/notes", `{"text":"for the night shift"}`)
	if a.Data(t, &note); a.Status != 201 || note.ID == "" || note.At.IsZero() {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	var again lantern.Note
	if a := s.Do("GET", "/lantern/notes/"+note.ID, ""); a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Body)
	} else if a.Data(t, &again); again != note {
		t.Errorf("kept %+v, want %+v", again, note)
	}
	if a := s.Do("GET", "/lantern/notes/nobodys", ""); a.Status != 404 {
		t.Errorf("a note that nobody left: %d %s", a.Status, a.Body)
	}
}

func TestScenarioANoteThatIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	for what, c := range map[string]struct{ body, says string }{
		"empty":    {`{"text":""}`, `"validation_errors":{"text":["Please write something"]}`},
		"too long": {fmt.Sprintf(`{"text":%q}`, strings.Repeat("a", 2001)), `"validation_errors":{"text":["Please keep it to 2,000 letters"]}`},
		"unknown":  {`{"text":"x","colour":"red"}`, "colour"},
	} {
		if a := s.Do("POST", "/lantern/notes", c.body); a.Status != 400 || !strings.Contains(a.Body, c.says) {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
}

func TestScenarioPausedByAnOperatorAndBack(t *testing.T) {
	open(t).Pauses(t, "POST", "/lantern/notes", `{"text":"x"}`, 201)
}
