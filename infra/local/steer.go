package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/banyan-migration/banyan/gateway/dash"
)

// Who changes weights in a demo.
const pilot = "banyan demo"

// Weigh moves a group to a weight through the admin API, as a person does.
func (w *World) Weigh(ctx context.Context, group string, weight int, why string) error {
	var now dash.Group
	if err := w.admin(ctx, http.MethodGet, "/v1/groups/"+group, 0, nil, &now); err != nil {
		return err
	}
	return w.admin(ctx, http.MethodPatch, "/v1/groups/"+group, now.Revision, map[string]any{"weight": weight, "actor": pilot, "reason": why}, &now)
}

// Rollback sends a group back to the old site at once: the call that a judge makes.
func (w *World) Rollback(ctx context.Context, group, why string) error {
	var now dash.Group
	if err := w.admin(ctx, http.MethodPost, "/v1/groups/"+group+":rollback", 0, map[string]any{"actor": pilot, "reason": why}, &now); err != nil {
		return err
	}
	if now.Weight != 0 {
		return fmt.Errorf("local: the group %s is at weight %d after a rollback", group, now.Weight)
	}
	return nil
}

func (w *World) admin(ctx context.Context, method, path string, revision int64, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, w.Admin+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+w.AdminToken)
	if revision > 0 {
		r.Header.Set("If-Match", fmt.Sprintf(`"%d"`, revision))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("local: the admin API: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, raw)
	}
	if err == nil {
		err = json.Unmarshal(raw, out)
	}
	if err != nil {
		return fmt.Errorf("local: %s %s: %w", method, path, err)
	}
	return nil
}
