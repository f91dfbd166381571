package dash

import (
	"net/http"

	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/shared/fault"
)

// history is GET /v1/history?after=SEQUENCE&limit=N.
func (a *api) history(r *http.Request) (any, error) {
	after, err := number(r, "after", 0, 1<<62)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 100, 1000)
	if err != nil {
		return nil, err
	}
	entries, err := a.Plan.History(r.Context(), after, int(limit))
	return map[string]any{"entries": entries}, err
}

// export is GET /v1/journal: the whole journal as JSON lines, each sealed by the next.
func (a *api) export(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	out := &started{ResponseWriter: w}
	w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="journal.jsonl"`)
	err := a.Plan.Export(r.Context(), out)
	switch {
	case err == nil || r.Context().Err() != nil:
		return nil
	case out.some: // the head is gone already: a cut answer says that something was wrong
		a.Log.Warn("the journal's export broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	w.Header().Del("Content-Disposition")
	return err
}

// started knows whether anything was written.
type started struct {
	http.ResponseWriter
	some bool
}

func (s *started) Write(p []byte) (int, error) {
	s.some = true
	return s.ResponseWriter.Write(p)
}

// Verified is what walking the journal's chain came to.
type Verified struct {
	Holds   bool   `json:"holds"`
	Entries int64  `json:"entries"` // that hold
	Head    string `json:"head"`    // the hash that the plan names
	Wrong   string `json:"wrong,omitempty"`
}

// verify is GET /v1/journal/verify.
func (a *api) verify(r *http.Request) (any, error) {
	n, err := a.Plan.Verify(r.Context())
	if fault.KindOf(err) == fault.Unavailable { // a store that is away says nothing of the journal
		return nil, err
	}
	v := Verified{Holds: err == nil, Entries: n, Head: a.Plan.Now().Head}
	if err != nil {
		v.Wrong = err.Error()
	}
	return v, nil
}
