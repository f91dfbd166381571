package runtime

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/banyan-migration/banyan/infra/runtime/box"
)

// function is a name with what has been published under it.
type function struct {
	name     string
	latest   *version
	versions []*version // "1" first
	aliases  map[string]Alias
}

// version is one state of a function, published or $LATEST, and the environments that run it.
type version struct {
	Function
	number string
	player *Player
	root   *box.Root // which a published version shares with the $LATEST that it was

	mu       sync.Mutex
	idle     []*environment // most recently used last
	all      map[*environment]bool
	answered int                 // environments whose caller has gone on and that are not free yet
	waiting  []chan *environment // calls that would rather have one of those than a cold one
	retired  bool                // a newer $LATEST has come: environments end with their invocation
	gone     bool                // the player is closed
}

// Publish makes a version of a function, the first or one more. The versions before it keep running for whoever names them.
// $LATEST, which the bare name means, becomes the same, in environments of its own; those that it had end.
func (p *Player) Publish(f Function) (string, error) {
	f.Environment, f.Layers = maps.Clone(f.Environment), slices.Clone(f.Layers)
	if err := check(&f); err != nil {
		return "", fmt.Errorf("function %q: %w", f.Name, err)
	}
	root, err := box.Lay(p.dir, f.Code, f.Layers, p.opt.Rewrite)
	if err != nil {
		return "", fmt.Errorf("function %q: %w", f.Name, err)
	}
	number, old, err := p.publish(f, root)
	if err != nil {
		return "", errors.Join(fmt.Errorf("function %q: %w", f.Name, err), root.Close())
	}
	if old != nil {
		old.retire()
	}
	return number, nil
}

func (p *Player) publish(f Function, root *box.Root) (number string, old *version, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return "", nil, ErrClosed
	}
	if !p.limits.reserve(f.Name, f.Reserved) {
		return "", nil, fmt.Errorf("%d reserved, and the account has %d for all its functions", *f.Reserved, p.opt.Concurrency)
	}
	at := p.functions[f.Name]
	if at == nil {
		at = &function{name: f.Name, aliases: map[string]Alias{}}
		p.functions[f.Name] = at
	}
	number = strconv.Itoa(len(at.versions) + 1)
	v := &version{Function: f, number: number, player: p, root: root, all: map[*environment]bool{}}
	at.versions = append(at.versions, v)
	old, at.latest = at.latest, &version{Function: f, number: "$LATEST", player: p, root: root, all: map[*environment]bool{}}
	p.versions, p.roots = append(p.versions, v, at.latest), append(p.roots, root)
	return number, old, nil
}

// Point makes an alias point at a version, or moves it. Invocations under way stay where they are.
func (p *Player) Point(name string, a Alias) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.functions[name]
	if f == nil {
		return fmt.Errorf("alias %s: there is no function %q", a.Name, name)
	}
	for _, number := range []string{a.Version, a.Canary} {
		if number != "" && f.version(number) == nil {
			return fmt.Errorf("alias %s: function %q has no version %q", a.Name, name, number)
		}
	}
	if a.Version == "" || a.Name == "" || a.Name[0] == '$' || isNumber(a.Name) || a.Share < 0 || a.Share > 1 || (a.Share > 0 && a.Canary == "") {
		return fmt.Errorf("alias %+v of %q: a name that is no number, a version, and a share from 0 to 1 of a canary that is named", a, name)
	}
	f.aliases[a.Name] = a
	return nil
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

func (f *function) version(number string) *version {
	if number == "$LATEST" {
		return f.latest
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 1 || i > len(f.versions) || strconv.Itoa(i) != number {
		return nil
	}
	return f.versions[i-1]
}

// target is what a call is for.
type target struct {
	version   *version
	function  string
	qualifier string // as the caller wrote it; empty: none
}

// resolve finds what a call names: NAME, NAME:QUALIFIER, or the function's whole or partial ARN.
func (p *Player) resolve(named string) (target, bool) {
	name, qualifier := split(named)
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.functions[name]
	t := target{function: name, qualifier: qualifier}
	if f == nil {
		return t, false
	}
	if qualifier == "" || qualifier == "$LATEST" {
		t.version = f.latest
		return t, true
	}
	number := qualifier
	if a, ok := f.aliases[qualifier]; ok {
		number = a.Version
		if a.Share > 0 && rand.Float64() < a.Share {
			number = a.Canary
		}
	}
	t.version = f.version(number)
	return t, t.version != nil
}

// split takes a name apart: arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER], ACCOUNT:function:NAME[:QUALIFIER],
// NAME[:QUALIFIER].
func split(named string) (name, qualifier string) {
	if i := strings.Index(named, "function:"); i == 0 || (i > 0 && named[i-1] == ':') {
		named = named[i+len("function:"):]
	}
	name, qualifier, _ = strings.Cut(named, ":")
	return name, qualifier
}

// arn is what the runtime is told that was invoked: with the qualifier where the caller gave one.
func (p *Player) arn(t target) string {
	arn := "arn:aws:lambda:" + p.opt.Region + ":" + p.opt.Account + ":function:" + t.function
	if t.qualifier != "" {
		arn += ":" + t.qualifier
	}
	return arn
}
