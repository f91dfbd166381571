package config

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
)

// must turns another package's refusal into a mistake of this line.
func (n node) must(err error) {
	if err != nil {
		n.wrong("%v", err)
	}
}

// address reads host:port to listen on; an empty host is every address of the machine.
func (n node) address() string {
	s, ok := n.scalar()
	if !ok {
		return ""
	}
	_, port, err := net.SplitHostPort(s)
	if p, bad := strconv.Atoi(port); err != nil || bad != nil || p < 0 || p > 65535 {
		n.wrong("%q is not an address: write 127.0.0.1:8080, or :8080 for every address", s)
	}
	return s
}

// name reads what stands in logs, cookies and metrics.
func (n node) name() string {
	s, ok := n.scalar()
	if ok && !split.Name(s) {
		n.wrong("%q is not a name: letters, digits, '-' and '_', at most 64", s)
	}
	return s
}

func (n node) choice(of ...string) string {
	s, ok := n.scalar()
	if ok && !slices.Contains(of, s) {
		n.wrong("%q is not one of %s", s, strings.Join(of, ", "))
	}
	return s
}

// exactPath reads a path without parameters or star.
func (n node) exactPath() string {
	s, ok := n.scalar()
	if !ok {
		return ""
	}
	p, err := route.ParsePath(s)
	n.must(err)
	if _, exact := p.Exact(); err == nil && !exact {
		n.wrong("%q: one path belongs here, without {parameter} or '*'", s)
	}
	return s
}

// text is a value that must not be empty.
func (n node) text() string {
	s, ok := n.scalar()
	if ok && s == "" {
		n.wrong("is empty: give it a value, or leave the key out")
	}
	return s
}

func (n node) flag() bool {
	s, ok := n.scalar()
	if ok && s != "true" && s != "false" {
		n.wrong("%q is neither true nor false", s)
	}
	return s == "true"
}

// number reads a whole number of a unit between two bounds.
func (n node) number(least, most int64, unit string) int64 {
	s, ok := n.scalar()
	if !ok {
		return least
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < least || v > most {
		n.wrong("%s is not right: a whole number of %s from %d to %d", s, unit, least, most)
		return least
	}
	return v
}

// duration reads 10s, 250ms, 1m30s.
func (n node) duration(least, most time.Duration) time.Duration {
	s, ok := n.scalar()
	if !ok {
		return least
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		n.wrong("%q is not right: a time from %s to %s with its unit, such as 10s or 250ms", s, least, most)
		return least
	}
	return d
}

// texts hands out the values of a list, those that there is something to check of.
func (n node) texts(f func(item node, s string)) {
	for _, item := range n.items() {
		if s, ok := item.scalar(); ok {
			f(item, s)
		}
	}
}
