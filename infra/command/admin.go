package command

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/dash"
)

// admin calls a running gateway's admin API.
type admin struct {
	url, dir string // as flags
	door     dash.Door
}

func (a *admin) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&a.url, "admin", "http://127.0.0.1:8081", "the gateway's admin address, as in admin.listen or as a URL; its token is BANYAN_ADMIN_TOKEN")
	c.PersistentFlags().StringVar(&a.dir, "dir", "", "instead: the state folder of a gateway on this machine, which holds both")
}

// open finds address and token.
func (a *admin) open() error {
	if a.dir != "" {
		door, err := dash.FindDoor(a.dir)
		if err != nil {
			return fail(wrong, "--dir: %w", err)
		}
		a.door = door
		return nil
	}
	address := strings.TrimSuffix(a.url, "/")
	if !strings.Contains(address, "://") { // as listen and admin.listen are written
		address = "http://" + address
	}
	a.door = dash.Door{Admin: address, Token: os.Getenv("BANYAN_ADMIN_TOKEN")}
	if a.door.Token == "" {
		return fail(wrong, "BANYAN_ADMIN_TOKEN is not set: the admin API's token; or name the gateway's state folder with --dir")
	}
	return nil
}

// call asks the admin API. What the caller can mend is wrong; what waits for a machine is outside.
func (a *admin) call(ctx context.Context, method, path string, revision int64, in, out any) error {
	if err := a.open(); err != nil {
		return err
	}
	err := a.door.Call(ctx, method, path, revision, in, out)
	var no *dash.Refused
	switch {
	case err == nil:
		return nil
	case errors.Is(err, dash.ErrAddress), errors.As(err, &no) && no.Status < 500:
		return &exit{wrong, err}
	}
	return &exit{outside, err}
}

// orMissing says what a flag lacks.
func orMissing(name, value, what string) error {
	if strings.TrimSpace(value) == "" {
		return fail(wrong, "--%s is missing: %s", name, what)
	}
	return nil
}

var errNoGroup = errors.New("name one group; `banyan cutover status` lists them")
