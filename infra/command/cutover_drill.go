package command

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/dash"
)

// rehearsed is what a drill found.
type rehearsed struct {
	dash.Drilled
	Asked    []asked `json:"asked"`
	Held     bool    `json:"held"`
	Replicas int     `json:"replicas"`
}

// asked is one page that the old side was asked for.
type asked struct {
	Request string `json:"request"`
	Status  int    `json:"status"` // 0: no answer
	TookMS  int64  `json:"took_ms"`
	Held    bool   `json:"held"`
	Error   string `json:"error,omitempty"`
}

// drillLimit is how soon a rollback must have reached the last replica.
const drillLimit = time.Second

func (v *cutoverCalls) drill() *cobra.Command {
	var through, host string
	c := v.reasons(&cobra.Command{
		Use:   "drill GROUP",
		Short: "Rehearse a rollback without moving anybody, and record that it held",
		Long: "Rehearse a rollback without moving anybody, and record that it held.\n\n" +
			"It shows that the store takes an entry of the journal, that every replica follows within a second, and what a rollback would lose now.\n" +
			"With --through it also asks the old side for the group's pages, by a signed override: GETs without parameters alone, and none that changes\n" +
			"something (D-10). It does not show that the old side bears the whole load, nor that its forms are accepted: a rollback in a quiet hour does.",
		Example: `  banyan cutover drill donate --why "before the appeal"
  banyan cutover drill donate --through http://127.0.0.1:8080 --host www.rednosefund.example --why "before the appeal"`,
		RunE: func(c *cobra.Command, args []string) error {
			r := rehearsed{Asked: []asked{}}
			if err := orMissing("why", v.why, "the reason, kept in the journal"); err != nil {
				return err
			}
			if through != "" {
				var err error
				if r.Asked, err = v.askOldSide(c.Context(), args[0], strings.TrimSuffix(through, "/"), host); err != nil {
					return err
				}
				if r.Held = answered(r.Asked); !r.Held {
					return v.rehearsed(r, "nothing was recorded")
				}
			}
			if err := v.change(c.Context(), args[0], change{verb: "drill"}, &r.Drilled); err != nil {
				return err
			}
			var all dash.Replicas
			if err := v.admin.call(c.Context(), "GET", "/v1/replicas", 0, nil, &all); err != nil {
				return err
			}
			r.Replicas, r.Held = max(len(all.Replicas), 1), r.Took <= drillLimit.Milliseconds()
			return v.rehearsed(r, "recorded")
		},
	})
	c.Flags().StringVar(&through, "through", "", "the gateway's data address, such as http://127.0.0.1:8080: ask the old side for the group's pages too")
	c.Flags().StringVar(&host, "host", "", "the Host to ask for; absent: that of --through")
	return c
}

func answered(all []asked) bool {
	for _, a := range all {
		if !a.Held {
			return false
		}
	}
	return true
}

// rehearsed tells what was found; what does not hold is status 1.
func (v *cutoverCalls) rehearsed(r rehearsed, kept string) error {
	if v.json {
		if err := printJSON(v.out, r); err != nil {
			return err
		}
	} else {
		for _, a := range r.Asked {
			fmt.Fprintf(v.out, "%s on the old side: %d in %d ms %s\n", a.Request, a.Status, a.TookMS, a.Error)
		}
		if r.Group.Group != "" {
			who := "the only replica"
			if r.Replicas > 1 {
				who = fmt.Sprintf("all %d replicas", r.Replicas)
			}
			fmt.Fprintf(v.out, "%s: %s followed within %d ms; a rollback now loses: %s (%s); %s\n", r.Group.Group, who, r.Took, r.Readiness.Loses, r.Readiness.State, kept)
		}
	}
	switch {
	case r.Held:
		return nil
	case !answered(r.Asked):
		return fail(unheld, "the old side does not answer every page of the group: a rollback would fail its visitors; %s", kept)
	}
	return fail(unheld, "the last replica followed after %d ms: a rollback must reach it within %s", r.Took, drillLimit)
}

// askOldSide asks for each page of a group that a GET without parameters reaches and that changes nothing.
func (v *cutoverCalls) askOldSide(ctx context.Context, group, through, host string) ([]asked, error) {
	var c struct {
		Report struct{ Names map[string][]string }
	}
	if err := v.admin.call(ctx, "GET", "/v1/config", 0, nil, &c); err != nil {
		return nil, err
	}
	var o dash.Override
	if err := v.change(ctx, group, change{verb: "override", body: map[string]any{"side": "legacy", "for": "1m"}}, &o); err != nil {
		return nil, err
	}
	all := []asked{}
	for _, id := range c.Report.Names[group] {
		if target, ok := askable(id); ok {
			all = append(all, ask(ctx, through, host, target, o))
		}
	}
	if len(all) == 0 {
		fmt.Fprintln(v.err, "no page of the group can be asked for: each takes a parameter, is no GET, or changes something (D-10)")
	}
	return all, nil
}

// askable is the target of a route's id, if it can be asked for and changes nothing.
func askable(id string) (target string, ok bool) {
	target, ok = strings.CutPrefix(id, "GET /")
	target = "/" + strings.TrimSuffix(target, "?!q")
	return target, ok && !strings.ContainsAny(target, "{*[! ") && !gateway.SideEffects(target)
}

func ask(ctx context.Context, through, host, target string, o dash.Override) asked {
	a := asked{Request: "GET " + target}
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second) // longer than the old site's own limit (W-73)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", through+target, nil)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	r.Host = host
	r.Header.Set(o.Header, o.Value)
	began := time.Now()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	a.TookMS = time.Since(began).Milliseconds()
	if err != nil {
		a.Error = err.Error()
		return a
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if a.Status, a.Held = res.StatusCode, err == nil && res.StatusCode < 500 && res.StatusCode != http.StatusMisdirectedRequest; err != nil {
		a.Error = err.Error()
	}
	return a
}
