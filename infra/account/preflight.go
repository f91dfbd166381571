package account

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Check is one thing that a night needs, and whether it is so.
type Check struct {
	Name   string `json:"name"`
	Held   bool   `json:"held"`
	Figure string `json:"figure"` // what was found
	Do     string `json:"do,omitempty"`
}

// Night is what the account must carry.
type Night struct {
	Rate     int                 // donations a second at the peak
	Services []string            // that are deployed
	Mails    bool                // some service sends mail
	Alarms   map[string][]string // the names of those that must be there, by service; "": those of the whole stage
	Drills   map[string]time.Time
}

// What the checks hold against.
const (
	busy      = 3.0                 // seconds of all functions together that a donation takes, an acquirer's slow answer included
	drillAge  = 31 * 24 * time.Hour // a copy that nobody has read for a month is a hope
	fresh     = time.Hour           // mails that wait longer than this after the peak are late
	spareRoom = 1.2
)

// Preflight looks at everything that a night needs. It changes nothing. An error means that it could not look.
func (a *Account) Preflight(ctx context.Context, n Night) ([]Check, error) {
	var all []Check
	for _, look := range []func(context.Context, Night) ([]Check, error){a.concurrency, a.mail, a.alarms, a.layers, a.drills} {
		checks, err := look(ctx, n)
		if err != nil {
			return all, err
		}
		all = append(all, checks...)
	}
	return all, nil
}

// concurrency is by Little's law: what is under way at once is the rate times how long each takes.
func (a *Account) concurrency(ctx context.Context, n Night) ([]Check, error) {
	var out struct {
		AccountLimit struct{ ConcurrentExecutions, UnreservedConcurrentExecutions int }
	}
	if err := a.rest(ctx, "lambda", "LAMBDA", "lambda", "/2016-08-19/account-settings/", &out); err != nil {
		return nil, err
	}
	want := int(math.Ceil(float64(n.Rate) * busy * spareRoom))
	c := Check{Name: "functions at once", Held: out.AccountLimit.UnreservedConcurrentExecutions >= want,
		Figure: fmt.Sprintf("%d unreserved of %d; %d donations a second of %g s want %d", out.AccountLimit.UnreservedConcurrentExecutions, out.AccountLimit.ConcurrentExecutions, n.Rate, busy, want)}
	if !c.Held {
		c.Do = "ask AWS for more (Service Quotas, Lambda, Concurrent executions); it takes days"
	}
	return []Check{c}, nil
}

func (a *Account) mail(ctx context.Context, n Night) ([]Check, error) {
	if !n.Mails {
		return []Check{{Name: "mail", Held: true, Figure: "no service sends any"}}, nil
	}
	var out struct {
		ProductionAccessEnabled, SendingEnabled bool
		EnforcementStatus                       string
		SendQuota                               struct{ Max24HourSend, MaxSendRate, SentLast24Hours float64 }
	}
	if err := a.rest(ctx, "email", "SESV2", "ses", "/v2/email/account", &out); err != nil {
		return nil, err
	}
	quota := out.SendQuota
	mails := float64(n.Rate) * 60 * 15 // a quarter of an hour of the peak,
	want := mails / fresh.Seconds()    // gone within the hour
	left := quota.Max24HourSend - quota.SentLast24Hours
	room := fmt.Sprintf("%.0f left (%.0f wanted)", left, mails)
	if quota.Max24HourSend == -1 { // SES's word for no limit
		left, room = mails, "no limit"
	}
	c := Check{Name: "mail", Figure: fmt.Sprintf("%g a second (%.0f wanted), %.0f of %.0f sent in 24 h, %s, production access %t, sending %t, %s",
		quota.MaxSendRate, want, quota.SentLast24Hours, quota.Max24HourSend, room, out.ProductionAccessEnabled, out.SendingEnabled, out.EnforcementStatus)}
	switch {
	case out.EnforcementStatus != "HEALTHY" || !out.SendingEnabled:
		c.Do = "answer AWS's case about bounces and complaints (SES, Reputation metrics), or switch sending on: what AWS reviews it may stop"
	case !out.ProductionAccessEnabled || quota.MaxSendRate < want || left < mails:
		c.Do = "ask AWS for production access, a higher sending rate and a higher daily quota (SES, Account dashboard)"
	default:
		c.Held = true
	}
	return []Check{c}, nil
}

// layers: what donors meet must have the data that was published last, and all services the same.
func (a *Account) layers(ctx context.Context, n Night) ([]Check, error) {
	by := map[string][]string{} // services by the layer version that their alias has
	newest := map[string]string{}
	for _, service := range n.Services {
		var out struct{ Layers []struct{ Arn string } }
		err := a.rest(ctx, "lambda", "LAMBDA", "lambda", "/2015-03-31/functions/"+a.name(service)+"/configuration?Qualifier=live", &out)
		if gone(err) {
			by["(not deployed)"] = append(by["(not deployed)"], service)
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(out.Layers) == 0 {
			by["(no Layer)"] = append(by["(no Layer)"], service)
		}
		for _, l := range out.Layers {
			by[l.Arn] = append(by[l.Arn], service)
			layer, _ := cutLast(l.Arn)
			if _, asked := newest[layer]; asked {
				continue
			}
			if newest[layer], err = a.newest(ctx, layer); err != nil {
				return nil, err
			}
		}
	}
	c := Check{Name: "Layer versions", Held: true}
	var said []string
	for arn, services := range by {
		layer, version := cutLast(arn)
		said = append(said, fmt.Sprintf("%s: %s (newest %s)", strings.Join(services, ", "), arn[strings.LastIndex(layer, ":")+1:], newest[layer]))
		c.Held = c.Held && version == newest[layer] && version != ""
	}
	slices.Sort(said)
	c.Figure = strings.Join(said, "; ")
	if !c.Held {
		c.Do = "deploy again with a new ReleaseHash (make deploy): a new Layer alone publishes no version of a function"
	}
	return []Check{c}, nil
}

// newest is the last published version of a layer; "none" where all are deleted.
func (a *Account) newest(ctx context.Context, layer string) (string, error) {
	var out struct{ LayerVersions []struct{ Version int } }
	err := a.rest(ctx, "lambda", "LAMBDA", "lambda", "/2018-10-31/layers/"+url.PathEscape(layer)+"/versions?MaxItems=1", &out)
	if err != nil && !gone(err) {
		return "", err
	}
	if len(out.LayerVersions) == 0 {
		return "none", nil
	}
	return fmt.Sprint(out.LayerVersions[0].Version), nil
}

// cutLast cuts an ARN of a layer's version into the layer's and the version.
func cutLast(arn string) (layer, version string) {
	i := strings.LastIndexByte(arn, ':')
	if i < 0 {
		return arn, ""
	}
	return arn[:i], arn[i+1:]
}

// drills says how old the last restore drill of each service's table is.
func (a *Account) drills(_ context.Context, n Night) ([]Check, error) {
	var checks []Check
	for _, service := range n.Services {
		at, drilled := n.Drills[service]
		c := Check{Name: "restore drill of " + service, Figure: "never"}
		if drilled {
			age := a.now().Sub(at)
			c.Held, c.Figure = age <= drillAge, fmt.Sprintf("%.0f days ago", age.Hours()/24)
		}
		if !c.Held {
			c.Do = fmt.Sprintf("banyan ops drill %s --stage %s", service, a.Stage)
		}
		checks = append(checks, c)
	}
	return checks, nil
}
