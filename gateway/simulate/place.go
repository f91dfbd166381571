package simulate

import (
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// Placed is where a logged request would go.
type Placed struct {
	Route  *route.Route // nil: no group's
	Side   split.Side
	Reason split.Reason
}

// Place says where a logged request goes when its group has a weight, by the engine's own table and arithmetic in the engine's order
// (L-11). A log names no host: the site's own is taken. It knows no cookie: groups that are drawn by visitor, session or header are
// drawn by address instead, so that the share is right and a visitor stays on one side, though not on the one that the engine would draw.
func Place(c *config.Config, l accesslog.Line, weight int) Placed {
	path, query, _ := strings.Cut(l.Target, "?")
	canonical, flags, readable := route.Canonical(nil, []byte(path))
	switch {
	case !strings.HasPrefix(path, "/") || !readable || route.CheckMethod(l.Method) != nil: // the gateway's own answer, as are the next two
		return Placed{}
	case c.Health != "" && path == c.Health || c.Deny.Refuses([]byte(path), []byte(query)):
		return Placed{}
	}
	host, _ := c.Table.Host([]byte(hostOf(c)))
	found, _ := c.Table.Match(&route.Request{Host: host, Method: []byte(l.Method), Path: canonical, Query: []byte(query)})
	if found == nil {
		return Placed{}
	}
	f := split.Facts{Noncanonical: flags != 0, Weight: weight}
	if found.Done {
		f.Form, f.InForm = thanked(query), true
	}
	if weight > 0 && weight < split.Full {
		f.Bucket = bucket(found.Group, l, canonical)
	}
	p := Placed{Route: found}
	p.Side, p.Reason = split.Decide(f)
	return p
}

func hostOf(c *config.Config) string {
	if c.DefaultHost != "" || len(c.Hosts) == 0 {
		return c.DefaultHost
	}
	return c.Hosts[0]
}

func bucket(g *route.Group, l accesslog.Line, canonical []byte) int {
	k := g.Key
	if k.Kind != split.URL {
		k = split.Key{Kind: split.Address}
	}
	return split.Bucket(g.Salt, k.Append(nil, []byte(l.Addr), []byte(l.Method), canonical))
}

// firstNew is the lowest number of a submission that the new side gives; Drupal's own stay below it.
const firstNew = 1 << 31

// thanked is the side that took the form for which a done page thanks (D-11).
func thanked(query string) split.Side {
	value, reading := route.PHP([]byte(query), "sid")
	sid, err := strconv.ParseUint(route.Text(value), 10, 32)
	if reading == route.Found && err == nil && sid >= firstNew {
		return split.New
	}
	return split.Legacy
}
