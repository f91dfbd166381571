package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/infra/bench/rig"
)

const longAnswer = 1 << 30

type proxy struct {
	name  string
	start func() (*rig.Process, error)
}

// proxies are the contestants, each with its configuration written into dir.
func proxies(dir, backend, profile string) []proxy {
	return []proxy{
		{"banyan", func() (*rig.Process, error) {
			return rig.Self("-role", "gateway", "-backend", backend, "-profile", profile)
		}},
		{"nginx", func() (*rig.Process, error) {
			addr := free()
			file, err := write(dir, "nginx.conf", fmt.Sprintf(nginx, dir, dir, backend, dir, dir, dir, dir, dir, addr))
			if err != nil {
				return nil, err
			}
			return rig.Foreign(addr, nil, "nginx", "-c", file, "-e", filepath.Join(dir, "nginx.err"))
		}},
		{"haproxy", func() (*rig.Process, error) { return startHAProxy(dir, backend, "") }},
		{"haproxy, logs", func() (*rig.Process, error) { return startHAProxy(dir, backend, haproxyLog) }},
		{"reverseproxy", func() (*rig.Process, error) { return rig.Self("-role", "reverse", "-backend", backend) }},
		{"its pool tuned", func() (*rig.Process, error) { return rig.Self("-role", "tuned", "-backend", backend) }},
	}
}

// nginx keeps connections to the backend and writes its log in batches, as ours does.
const nginx = `daemon off; worker_processes 2; pid %s/nginx.pid;
events { worker_connections 1024; }
http {
  access_log %s/nginx.log combined buffer=64k flush=1s;
  upstream legacy { server %s; keepalive 128; keepalive_requests 1000000; }
  client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;
  keepalive_requests 100000000; proxy_max_temp_file_size 0;
  server {
    listen %s;
    location / {
      proxy_pass http://legacy; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id;
    }
  }
}
`

// haproxyLog is the access log without a syslog daemon: each line goes to the standard output, which is a file.
const haproxyLog = "  log stdout format raw local0\n  option httplog\n"

func startHAProxy(dir, backend, log string) (*rig.Process, error) {
	addr := free()
	file, err := write(dir, "haproxy.cfg", fmt.Sprintf(haproxy, log, addr, backend))
	if err != nil {
		return nil, err
	}
	out, err := os.Create(filepath.Join(dir, "haproxy.log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	return rig.Foreign(addr, out, "haproxy", "-db", "-f", file)
}

const haproxy = `global
  maxconn 4096
defaults
%s  mode http
  timeout connect 2s
  timeout client 75s
  timeout server 60s
  option forwardfor
  http-reuse always
frontend in
  bind %s
  default_backend legacy
backend legacy
  server one %s
`

func write(dir, name, text string) (string, error) {
	file := filepath.Join(dir, name)
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// free is an address that nobody listens at just now.
func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return ""
	}
	defer l.Close()
	return l.Addr().String()
}

// serveBackend answers every request at once, with as little work as can be.
func serveBackend() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			small, request := []byte(answer), make([]byte, 8192)
			for {
				n, err := c.Read(request)
				if err != nil {
					return
				}
				if bytes.HasPrefix(request[:n], []byte("GET /long ")) {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "+strconv.Itoa(longAnswer)+"\r\n\r\n")
					for block, sent := make([]byte, 1<<20), 0; sent < longAnswer; sent += len(block) {
						if _, err := c.Write(block); err != nil {
							return
						}
					}
					continue
				}
				if _, err := c.Write(small); err != nil {
					return
				}
			}
		}()
	}
}

// setup is ours with routing, one split group at half its weight, scrubbing, access log and metrics.
const setup = `
hosts: [www.rednosefund.example]
backends:
  drupal:   {url: "http://%[1]s", kind: drupal7}
  services: {url: "http://%[1]s", kind: drupal8}
default: drupal
groups:
  donate:
    from: drupal
    to: services
    key: visitor
    salt: bench
    routes: [{match: /donate/*}, {match: POST /donate}, {match: "GET /node/{n}"}]
`

func serveGateway(backend, profile string) error {
	c, err := config.Parse("gateway.yaml", fmt.Appendf(nil, setup, backend), config.Options{})
	if err != nil {
		return err
	}
	c.Keys = []split.Secret{{ID: "k1", Value: "a secret for this bench only"}}
	keys, err := split.NewKeyring(c.Keys...)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "bench-proxy-access")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	plan := cutover.Fixed(1, map[string]cutover.Group{"donate": {Weight: 5000, Phase: cutover.Canary, Revision: 1}})
	g, err := gateway.New(gateway.Options{Config: c, Plan: func() *cutover.Snapshot { return plan }, Keys: keys, Access: file})
	if err != nil {
		return err
	}
	prometheus.MustRegister(g)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
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
	go func() { log.Println(g.Serve(l)) }()
	<-stop
	return nil
}

// serveReverse is the ten lines that everybody writes first, with an access log like the others'. tuned lets it keep enough connections to the
// backend, which the default transport does not.
func serveReverse(backend string, tuned bool) error {
	target := &url.URL{Scheme: "http", Host: backend}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if tuned {
		transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 2*rig.Connections, 2*rig.Connections
	}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded(); r.Out.Host = r.In.Host }}
	file, err := os.CreateTemp("", "bench-proxy-access")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	access := slog.New(slog.NewJSONHandler(file, nil))
	logged := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		proxy.ServeHTTP(w, r)
		access.Info("request", "method", r.Method, "target", r.URL.String(), "host", r.Host, "client", r.RemoteAddr, "agent", r.UserAgent(), "took", time.Since(began))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, logged)
}
