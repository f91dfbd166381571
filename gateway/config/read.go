package config

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"maps"
	"os"
	"slices"
	"time"
)

// Options is how a file is read.
type Options struct {
	Getenv func(string) (string, bool) // nil: os.LookupEnv
	Check  bool                        // an unset ${NAME} is a note, not a mistake
}

// Read reads and checks a file and the files that it names. The error is Mistakes, or that of reading the file.
func Read(file string, o Options) (*Config, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c, r := parse(file, src, o)
	c.files(r)
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
func (c *Config) files(r *reader) {
	if c.TLS.Cert != "" && c.TLS.Key != "" {
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			r.wrong(c.TLS.Line, "tls: %v: cert and key must be PEM files that belong together", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.folders())) {
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			r.wrong(c.folders()[name], "pages: %s is not a folder that can be read: banyan cutover freeze-forms writes one", name)
		}
	}
}

// folders are those of frozen pages with the lines that name them.
func (c *Config) folders() map[string]int {
	all := map[string]int{}
	for _, g := range c.Groups {
		for _, r := range g.Routes {
			if r.Form != nil && r.Form.Pages != "" {
				all[r.Form.Pages] = r.Line
			}
		}
	}
	return all
}
