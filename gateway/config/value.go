package config

import (
	"net"
	"slices"
	"strconv"
	"strings"

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
