package local

import (
	"context"
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

// tell has the admin API do something with a group, as it stands now.
func (w *World) tell(ctx context.Context, group, verb string, body map[string]any) (now dash.Group, err error) {
	if err = w.Door().Call(ctx, http.MethodGet, "/v1/groups/"+group, 0, nil, &now); err != nil {
		return now, err
	}
	body["actor"] = pilot
	err = w.Door().Call(ctx, http.MethodPost, "/v1/groups/"+group+":"+verb, now.Revision, body, &now)
	return now, err
}

// Door is this world's admin API.
func (w *World) Door() dash.Door { return dash.Door{Admin: w.Admin, Token: w.AdminToken} }
