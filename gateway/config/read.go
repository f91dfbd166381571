package config

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/frozen"
	"github.com/banyan-migration/banyan/gateway/route"
)

// Options is how a file is read.
type Options struct {
	Getenv func(string) (string, bool) // nil: os.LookupEnv
	Host   func() (string, error)      // this machine's name; nil: os.Hostname
	Check  bool                        // an unset ${NAME} is a note, not a mistake
	Form   func(*route.Form) error     // says why a form cannot be answered; asked by Read alone; nil: forms are not tried
}

// Read reads and checks a file and the files that it names. The error is Mistakes, or that of reading the file.
func Read(file string, o Options) (*Config, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c, r := parse(file, src, o)
	c.files(r, o.Form)
	return c.result(r)
}

// Parse checks a file's content without opening what it names. The error is Mistakes.
func Parse(name string, src []byte, o Options) (*Config, error) {
	c, r := parse(name, src, o)
	return c.result(r)
}

func parse(file string, src []byte, o Options) (*Config, *reader) {
	r := &reader{file: file, getenv: o.Getenv, check: o.Check}
	if r.getenv == nil {
		r.getenv = os.LookupEnv
	}
	if r.host = o.Host; r.host == nil {
		r.host = os.Hostname
	}
	c := defaults(file)
	root, ok := r.parse(bytes.TrimPrefix(src, []byte("\ufeff")))
	if !ok {
		return c, r
	}
	b := &builder{Config: c, reader: r, lines: map[string]int{}}
	b.top(root)
	b.finish()
	return c, r
}

func (c *Config) result(r *reader) (*Config, error) {
	byLine := func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) }
	slices.SortStableFunc(r.mistakes, byLine)
	slices.SortStableFunc(r.notes, func(a, b Note) int { return cmp.Compare(a.Line, b.Line) })
	if len(r.mistakes) > 0 {
		return nil, r.mistakes
	}
	c.Notes = r.notes
	return c, nil
}

func defaults(file string) *Config {
	return &Config{
		File:      file,
		Listen:    "127.0.0.1:8080",
		GatewayID: "gw-1",
		Log:       Log{Access: "-", Format: "json"},
		Limits:    Limits{Head: 32 << 10, Body: 10 << 20},
		Timeouts: Timeouts{
			Head: 10 * time.Second, Body: 30 * time.Second, Idle: 75 * time.Second,
			Connect: 2 * time.Second, FirstByte: 35 * time.Second,
		},
		Health:   "/.banyan/health",
		Backends: map[string]*Backend{},
	}
}

// files opens what the configuration names and only Read may open.
func (c *Config) files(r *reader, answers func(*route.Form) error) {
	if c.TLS.Cert != "" && c.TLS.Key != "" {
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			r.wrong(c.TLS.Line, "tls: %v: cert and key must be PEM files that belong together", err)
		}
	}
	for _, f := range r.forms {
		r.try(f, answers)
	}
	for _, f := range r.folders {
		if _, err := frozen.Open(f.dir); err != nil {
			f.at.wrong("%v", err)
		}
	}
}

// folder is one of frozen pages that the file names, and where.
type folder struct {
	dir string
	at  node
}

// form is one that the file names, and where.
type form struct {
	*route.Form
	line int
}

// try asks whether a form can be answered, with the frozen pages that it names.
func (r *reader) try(f form, answers func(*route.Form) error) {
	if f.Pages != "" {
		if info, err := os.Stat(f.Pages); err != nil || !info.IsDir() {
			r.wrong(f.line, "pages: %s is not a folder that can be read: banyan cutover freeze-forms writes one", f.Pages)
			return
		}
	}
	if answers == nil {
		return
	}
	if err := answers(f.Form); err != nil {
		r.wrong(f.line, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}
