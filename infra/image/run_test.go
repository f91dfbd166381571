//go:build linux

package main

import (
	"archive/tar"
	"bufio"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// container is an image's files in a folder, as root of a process that has nothing else.
type container struct {
	t   *testing.T
	dir string
	env []string
}

// unpacked is the image for this machine's architecture in the layout that BANYAN_IMAGE names (build/image, by make image).
func unpacked(t *testing.T) *container {
	t.Helper()
	layout := os.Getenv("BANYAN_IMAGE")
	if layout == "" {
		t.Skip("BANYAN_IMAGE names no image (make image): what runs in it is proved in CI")
	}
	if os.Getuid() != 0 {
		t.Skip("only root may have another root folder: CI is root")
	}
	c := &container{t: t, dir: t.TempDir()}
	c.unpack(open(t, layout, runtime.GOARCH))
	c.env = []string{"SITE=www.rednosefund.example", "TRUSTED=127.0.0.0/8", "BANYAN_KEY=a-key-of-this-test-alone", "BANYAN_ADMIN_TOKEN=a-token-of-this-test",
		"SERVICES_URL=http://127.0.0.1:9", "DRUPAL_URL=http://127.0.0.1:9", "STORE=sqlite:plan.db"}
	return c
}

func (c *container) unpack(one v1.Image) {
	c.t.Helper()
	all := mutate.Extract(one)
	defer all.Close()
	for r := tar.NewReader(all); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			c.t.Fatal(err)
		}
		if err := c.put(h, r); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *container) put(h *tar.Header, from io.Reader) error {
	name := filepath.Join(c.dir, h.Name)
	if h.Typeflag == tar.TypeDir {
		if err := os.MkdirAll(name, 0o755); err != nil {
			return err
		}
	} else {
		raw, err := io.ReadAll(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			return err
		}
	}
	if err := os.Chown(name, h.Uid, h.Gid); err != nil {
		return err
	}
	return os.Chmod(name, h.FileInfo().Mode())
}

// command is the image's own entry, by its own user, in its own folder.
func (c *container) command(args ...string) *exec.Cmd {
	cmd := exec.Command("/banyan", append([]string{"gateway", "--config", "/etc/banyan/gateway.yaml"}, args...)...)
	cmd.Dir, cmd.Env = "/var/lib/banyan", c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.dir, Credential: &syscall.Credential{Uid: user, Gid: user}}
	return cmd
}

// edit changes a file of the image.
func (c *container) edit(name string, change func(string) string) {
	c.t.Helper()
	file := filepath.Join(c.dir, name)
	raw, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(change(string(raw))), 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// serve starts the gateway on ports of its own and returns its address.
func (c *container) serve() string {
	c.t.Helper()
	cmd := c.command("--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var ready struct{ Listen string }
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		c.t.Fatalf("%v: %s", err, said.String())
	}
	_, port, err := net.SplitHostPort(ready.Listen)
	if err != nil {
		c.t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// In the image, without rights and without anything else of this machine, the configuration is right and the gateway serves; it trusts whom
// the image's roots name and nobody else.
func TestInTheImage(t *testing.T) {
	t.Parallel()
	c := unpacked(t)
	said, err := c.command("--check").CombinedOutput()
	if err != nil || !strings.Contains(string(said), "gateway.yaml is right") {
		t.Fatalf("%v\n%s", err, said)
	}
	old := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "old ", r.Host) }))
	defer old.Close()
	c.env = append(c.env, "DRUPAL_URL="+old.URL)
	c.edit("etc/banyan/gateway.yaml", func(s string) string {
		return strings.NewReplacer(`":8080"`, "127.0.0.1:0", `":8081"`, "127.0.0.1:0", `access: "-"`, "access: /var/lib/banyan/access.log").Replace(s)
	})
	if status, text := c.ask(c.serve()); status != http.StatusBadGateway || !strings.Contains(text, "cannot be reached safely") {
		t.Errorf("a site whose authority is not among the image's roots: %d %s", status, text)
	}
	c.until("var/lib/banyan/access.log", `"upstream_tls"`)
	c.edit("etc/ssl/certs/ca-certificates.crt", func(s string) string {
		return s + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: old.Certificate().Raw}))
	})
	if status, text := c.ask(c.serve()); status != http.StatusOK || text != "old www.rednosefund.example" {
		t.Errorf("with it among the roots: %d %s", status, text)
	}
	if info, err := os.Stat(filepath.Join(c.dir, "var/lib/banyan/plan.json")); err != nil || info.Sys().(*syscall.Stat_t).Uid != user {
		t.Errorf("the last plan: %+v, %v", info, err)
	}
}

func (c *container) ask(address string) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+address+"/about", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Host = "www.rednosefund.example"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// until waits for a word in a file.
func (c *container) until(name, word string) {
	c.t.Helper()
	var text []byte
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text, _ = os.ReadFile(filepath.Join(c.dir, name)) // it may not be there yet
		if strings.Contains(string(text), word) {
			return
		}
	}
	c.t.Errorf("%s has no %s:\n%s", name, word, text)
}
