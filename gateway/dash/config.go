package dash

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/dash/who"
)

func (a *api) health(w http.ResponseWriter, _ *http.Request) {
	s := a.Plan.Now()
	write(w, http.StatusOK, map[string]any{"ok": true, "revision": s.Revision, "stale": s.Stale})
}

// configuration is GET /v1/config: what --check says of the file in use. There is no PUT: the file lies on each replica's own disk with the
// names of its secrets, and whoever deploys it there is who changes it; :validate says beforehand what a new one would do.
func (a *api) configuration(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	c := a.Config()
	body, err := json.Marshal(map[string]any{"file": c.File, "gateway_id": c.GatewayID, "report": config.Report(c, nil, a.Plan.Now())})
	if err != nil {
		return err
	}
	tag := fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(body))[:16])
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	write(w, http.StatusOK, json.RawMessage(body))
	return nil
}

func (a *api) validate(r *http.Request) (any, error) {
	src, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c, err := config.Parse("gateway.yaml", src, config.Options{Check: true})
	var mistakes config.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return nil, err
	}
	return config.Report(c, mistakes, a.Plan.Now()), nil
}
