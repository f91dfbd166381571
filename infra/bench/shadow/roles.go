package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
)

// form is a page as small as one can be that still has what a comparison looks for.
const form = `<!DOCTYPE html><html><head><title>Donate</title></head><body><h1>Give</h1><form action="/donate" method="post">` +
	`<input name="submitted[amount]" value="10"><input type="hidden" name="form_build_id" value="form-%043d"></form><p>%s</p></body></html>`

// pages are answers of a length that differ in nothing but their form_build_id.
func pages(length int) (all [256][]byte) {
	for i := range all {
		filler := max(0, length-len(fmt.Sprintf(form, i, "")))
		body := fmt.Sprintf(form, i, strings.Repeat("Every pound helps. ", filler/19+1)[:filler])
		all[i] = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Fri, 15 Mar 2019 21:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\n"+
			"X-Drupal-Cache: MISS\r\nCache-Control: no-cache, must-revalidate\r\nKeep-Alive: timeout=75, max=1000000\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	return all
}

// serveBackend answers every request at once, with as little work as can be.
func serveBackend(length int) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	all, next := pages(length), atomic.Uint32{}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			for request := make([]byte, 8192); ; {
				if _, err := c.Read(request); err != nil {
					return
				}
				if _, err := c.Write(all[next.Add(1)%256]); err != nil {
					return
				}
			}
		}()
	}
}

// serveFault hears every request and answers none, or a byte a second, or without end.
func serveFault(how string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	piece, pause := bytes.Repeat([]byte("endless "), 8<<10), time.Millisecond // not the whole machine, which donors share
	if how == "drip" {
		piece, pause = piece[:1], time.Second
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if how == "silent" {
				io.Copy(io.Discard, c)
				return
			}
			c.Read(make([]byte, 8192))
			for _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"); err == nil; _, err = c.Write(piece) {
				time.Sleep(pause)
			}
		}()
	}
}

// setup has everybody at legacy, in the phase in which the new side gets copies.
const setup = `
hosts: [www.rednosefund.example]
backends:
  drupal:   {url: "http://%s", kind: drupal7}
  services: {url: "http://%s"}
default: drupal
groups:
  donate:
    from: drupal
    to: services
    key: address
    salt: bench
    routes: [{match: GET /donate/*}]
`

func serveGateway(legacy, other, profile string) error {
	side := other
	if side == "" {
		side = legacy
	}
	c, err := config.Parse("gateway.yaml", fmt.Appendf(nil, setup, legacy, side), config.Options{})
	if err != nil {
		return err
	}
	c.Keys = []split.Secret{{ID: "k1", Value: "a secret for this bench only"}}
	keys, err := split.NewKeyring(c.Keys...)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "bench-shadow-access")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	plan := cutover.Fixed(1, map[string]cutover.Group{"donate": {Phase: cutover.Shadow, Revision: 1}})
	o := gateway.Options{Config: c, Plan: func() *cutover.Snapshot { return plan }, Keys: keys, Access: file}
	if other != "" {
		for _, r := range c.Table.Routes() {
			r.Options.Shadow = split.Full
		}
		if o.Shadow, err = copier(c.Keys); err != nil {
			return err
		}
	}
	g, err := gateway.New(o)
	if err != nil {
		return err
	}
	return serve(g, o.Shadow, profile)
}

func copier(keys []split.Secret) (*shadow.Copier, error) {
	comparer, err := diff.New(diff.Options{Masks: drupal.Masks("drupal7")})
	if err != nil {
		return nil, err
	}
	return shadow.New(shadow.Options{Keys: keys, Diff: comparer, Daily: 1 << 40})
}

// serve runs the gateway until it is interrupted, and tells at a second address what its Copier has done.
func serve(g *gateway.Gateway, c *shadow.Copier, profile string) error {
	data, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	told, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(data.Addr(), told.Addr())
	go tell(told, c)
	if profile != "" {
		out, err := os.Create(profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer out.Close()
		defer pprof.StopCPUProfile()
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go g.Serve(data)
	<-stop
	return nil
}

// tell serves a Copier's own metrics; without one there are none.
func tell(l net.Listener, c *shadow.Copier) {
	reg := prometheus.NewRegistry()
	if c != nil {
		reg.MustRegister(c)
	}
	http.Serve(l, promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
}
