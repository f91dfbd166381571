// Package route says which route of which group a request belongs to: an immutable table in W-14's order, matched on
// a canonical copy of the path (W-10) and PHP's own reading of the query (W-13). Order in the file means nothing.
package route

import "github.com/banyan-migration/banyan/gateway/split"

// Route is one rule of a group. Routes are immutable and shared by all requests.
type Route struct {
	ID      string // the match as text, in one spelling: unique in a table, the log's "rule"
	Match   Match
	Group   *Group
	Form    *Form // not nil: one of the names of a form's page
	Done    bool  // a form's done page: goes by its sid (D-11)
	Options Options
	Line    int // in the file, for messages
}

// Group is a set of routes that flip together (S-5). Its weight and phase are not here: they are the plan's.
type Group struct {
	Name     string
	From, To string // backends' names: the legacy side and the new one
	Key      split.Key
	Salt     string
	Routes   []*Route // in W-14's order
	Line     int
}

// Form is what a route with a form adapter says of it. All names of one page share one Form.
type Form struct {
	Node    int    // the webform's node
	Alias   string // the page's path alias without the slash; empty: it has none
	Service string // the service that takes its posts
	Pay     string // the payment method of a form that names none
	Pages   string // the folder of frozen pages; empty: the sample's
}

// Options is how requests of a route, or all that reach a backend by default, are passed on.
type Options struct {
	BufferBody      bool     // spool a chunked body and send its length (W-44)
	RequireLength   bool     // 411 for a chunked body (W-44)
	Upgrade         bool     // let a websocket through (W-57)
	Relay103        bool     // pass Early Hints (W-54)
	Trailers        bool     // pass request trailers (W-41)
	RetryIdleClose  bool     // one more attempt for a GET whose reused connection was closed (W-78)
	AllowUnderscore []string // names with '_' that pass towards PHP (W-29)
	Failover        bool     // a GET may fail over to the other side (W-79)
	MaxRate         int      // posts a minute an address, then 429; 0: no limit
	Shadow          int      // basis points of requests that the other side gets a copy of
	Ignore          []string // fields that the differ leaves out, such as "html title" (F-6)
}

// HasWrites says whether any of the group's routes may write: any method but GET and HEAD.
func (g *Group) HasWrites() bool {
	for _, r := range g.Routes {
		if r.Match.writes() {
			return true
		}
	}
	return false
}

// AppendOnly says whether every route that may write goes through a form adapter: the new side then adds submissions
// that the old side need not show, and a rollback loses none of them (T-3).
func (g *Group) AppendOnly() bool {
	for _, r := range g.Routes {
		if r.Match.writes() && r.Form == nil {
			return false
		}
	}
	return true
}

func (m Match) writes() bool { return m.Method != "GET" && m.Method != "HEAD" }
