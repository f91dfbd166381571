package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/dash"
)

// admin calls a running gateway's admin API.
type admin struct {
	url, dir string // as flags
	door     dash.Door
}

func (a *admin) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&a.url, "admin", "http://127.0.0.1:8081", "the gateway's admin address; its token is BANYAN_ADMIN_TOKEN")
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
	a.door = dash.Door{Admin: strings.TrimSuffix(a.url, "/"), Token: os.Getenv("BANYAN_ADMIN_TOKEN")}
	if a.door.Token == "" {
		return fail(wrong, "BANYAN_ADMIN_TOKEN is not set: the admin API's token; or name the gateway's state folder with --dir")
	}
	return nil
}

// call sends one request and reads the answer into out.
func (a *admin) call(ctx context.Context, method, path string, revision int64, in, out any) error {
	if err := a.open(); err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, a.door.Admin+path, bytes.NewReader(body))
	if err != nil {
		return fail(wrong, "--admin %s: %w: write it as http://127.0.0.1:8081", a.door.Admin, err)
	}
	r.Header.Set("Authorization", "Bearer "+a.door.Token)
	if revision > 0 {
		r.Header.Set("If-Match", fmt.Sprintf(`"%d"`, revision))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fail(outside, "the gateway's admin API does not answer: %w; nothing was changed", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return fail(outside, "the gateway's answer broke off: %w; ask `banyan cutover status` what holds", err)
	}
	if res.StatusCode != http.StatusOK {
		return refused(res.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fail(outside, "%s%s does not answer as an admin API: %w", a.door.Admin, path, err)
	}
	return nil
}

// refused turns an answer that is no 200 into an error with its exit status: what the caller can mend is wrong, what
// waits for a machine is outside.
func refused(status int, raw []byte) error {
	var p dash.Problem
	if err := json.Unmarshal(raw, &p); err != nil || p.Error == "" {
		p.Error = http.StatusText(status)
	}
	if status >= 500 {
		return fail(outside, "the gateway says %d: %s", status, p.Error)
	}
	return fail(wrong, "the gateway says %d: %s", status, p.Error)
}

// orMissing says what a flag lacks.
func orMissing(name, value, what string) error {
	if strings.TrimSpace(value) == "" {
		return fail(wrong, "--%s is missing: %s", name, what)
	}
	return nil
}

var errNoGroup = errors.New("name one group; `banyan cutover status` lists them")
