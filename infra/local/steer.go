package local

import (
	"context"
	"fmt"
	"net/http"

	"github.com/banyan-migration/banyan/gateway/dash"
)

// Who changes weights in a demo.
const pilot = "banyan demo"

// Weigh moves a group to a weight through the admin API, as a person does.
func (w *World) Weigh(ctx context.Context, group string, weight int, why string) error {
	var now dash.Group
	if err := w.Door().Call(ctx, http.MethodGet, "/v1/groups/"+group, 0, nil, &now); err != nil {
		return err
	}
	return w.Door().Call(ctx, http.MethodPatch, "/v1/groups/"+group, now.Revision, map[string]any{"weight": weight, "actor": pilot, "reason": why}, &now)
}

// Rollback sends a group back to the old site at once: the call that a judge makes.
func (w *World) Rollback(ctx context.Context, group, why string) error {
	var now dash.Group
	if err := w.Door().Call(ctx, http.MethodPost, "/v1/groups/"+group+":rollback", 0, map[string]any{"actor": pilot, "reason": why}, &now); err != nil {
		return err
	}
	if now.Weight != 0 {
		return fmt.Errorf("local: the group %s is at weight %d after a rollback", group, now.Weight)
	}
	return nil
}

// Door is this world's admin API.
func (w *World) Door() dash.Door { return dash.Door{Admin: w.Admin, Token: w.AdminToken} }
