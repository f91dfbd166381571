package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"debug/elf"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// program is the least that is one for a machine: a head.
func program(t *testing.T, m elf.Machine) []byte {
	t.Helper()
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(m), Version: 1, Ehsize: 64, Phentsize: 56, Shentsize: 64}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, h); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// built is a folder with programs, and the arguments that name it.
func built(t *testing.T) (dir string, args []string) {
	t.Helper()
	dir = t.TempDir()
	for arch, m := range machines {
		if err := os.MkdirAll(filepath.Join(dir, arch), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, arch, "banyan"), program(t, m), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir, []string{"-bin", filepath.Join(dir, "ARCH", "banyan"), "-head", "gateway.yaml", "-groups", "../../gateway.yaml", "-out", filepath.Join(dir, "image")}
}

// open is the image of an architecture in a layout.
func open(t *testing.T, dir, arch string) v1.Image {
	t.Helper()
	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.Manifests {
		if m.Platform.Architecture == arch && m.Platform.OS == "linux" {
			one, err := index.Image(m.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return one
		}
	}
	t.Fatalf("no image for %s in %+v", arch, list.Manifests)
	return nil
}

// The image is the same each time, holds what a gateway needs and nothing else, and belongs to nobody with rights.
func TestImage(t *testing.T) {
	t.Parallel()
	dir, args := built(t)
	first, err := run(args)
	if err != nil {
		t.Fatal(err)
	}
	again, err := run(args) // over the first
	if err != nil || again != first {
		t.Errorf("a second time: %s, %v; it was %s", again, err, first)
	}
	one := open(t, filepath.Join(dir, "image"), "arm64")
	if err := validate.Image(one); err != nil {
		t.Fatal(err)
	}
	c, err := one.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.User != "65532:65532" || c.Architecture != "arm64" || c.OS != "linux" || c.Config.StopSignal != "SIGTERM" || c.Config.Labels["org.opencontainers.image.licenses"] != "Apache-2.0" {
		t.Errorf("%+v", c)
	}
	files := map[string]*tar.Header{}
	texts := map[string][]byte{}
	all := mutate.Extract(one)
	defer all.Close()
	for r := tar.NewReader(all); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = h
		if texts[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(then) || h.Uid != 0 && h.Name != "var/lib/banyan" || h.Mode&0o022 != 0 && h.Name != "tmp" {
			t.Errorf("%s: of %s, belongs to %d, mode %o", h.Name, h.ModTime, h.Uid, h.Mode)
		}
	}
	if h := files["var/lib/banyan"]; h == nil || h.Uid != user {
		t.Errorf("the gateway's own folder: %+v", h)
	}
	if h := files["tmp"]; h == nil || h.Mode != 0o1777 {
		t.Errorf("/tmp: %+v", h)
	}
	if !bytes.Equal(texts["banyan"], program(t, elf.EM_AARCH64)) {
		t.Error("the program is another one")
	}
	if text := string(texts["etc/banyan/gateway.yaml"]); !strings.Contains(text, "store: ${STORE}") || !strings.Contains(text, "match: POST /donate") {
		t.Errorf("the configuration:\n%s", text)
	}
	trusted(t, texts["etc/ssl/certs/ca-certificates.crt"])
}

// trusted looks whether roots are what Go's own reader makes of them, and Amazon's among them: DynamoDB is asked through it.
func trusted(t *testing.T, roots []byte) {
	t.Helper()
	n, amazon := 0, false
	for block, rest := pem.Decode(roots); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		n++
		amazon = amazon || c.Subject.CommonName == "Amazon Root CA 1"
	}
	if n < 100 || !amazon {
		t.Errorf("%d roots, Amazon's among them: %v", n, amazon)
	}
}

// What cannot run, or is no configuration, makes no image, and leaves the last one.
func TestNoImage(t *testing.T) {
	t.Parallel()
	dir, args := built(t)
	before, err := run(args)
	if err != nil {
		t.Fatal(err)
	}
	text := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	dynamic := filepath.Join(dir, "dynamic", "banyan")
	for _, c := range []struct {
		what string
		more []string
		says string
	}{
		{"a program for another machine", []string{"-bin", filepath.Join(dir, "amd64", "banyan"), "-arch", "arm64"}, "is for EM_X86_64, not for arm64"},
		{"no program", []string{"-bin", dynamic}, "make " + dynamic + " makes it"},
		{"a text", []string{"-bin", text("script", "#!/bin/sh\n")}, "is no program for Linux"},
		{"an architecture", []string{"-arch", "riscv64"}, `"riscv64" is none that images are made for`},
		{"a head with groups", []string{"-head", "../../gateway.yaml"}, "the head has groups of its own"},
		{"groups without", []string{"-groups", "gateway.yaml"}, "has no line groups:"},
		{"a bad configuration", []string{"-config", text("bad.yaml", "lissen: :8080\n")}, "lissen: unknown key (listen?)"},
		{"no such head", []string{"-head", "nowhere.yaml"}, "nowhere.yaml"},
	} {
		if _, err := run(append(args, c.more...)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v\nwant %s", c.what, err, c.says)
		}
	}
	after, err := layout.FromPath(filepath.Join(dir, "image"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := after.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := index.Digest(); err != nil || got != before {
		t.Errorf("after mistakes the image is %s, %v; it was %s", got, err, before)
	}
	left, err := filepath.Glob(filepath.Join(dir, "image?*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A registry gets it whole; one that is away is named, and the image is kept.
func TestSend(t *testing.T) {
	t.Parallel()
	dir, args := built(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	to := strings.TrimPrefix(server.URL, "http://") + "/banyan-gateway:abc1234"
	digest, err := run(append(args, "-push", to))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Get(server.URL + "/v2/banyan-gateway/manifests/" + digest.String())
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 200 {
		t.Errorf("the registry has %s: %d", digest, answer.StatusCode)
	}
	server.Close()
	if _, err := run(append(args, "-push", to)); err == nil || !strings.Contains(err.Error(), "send it again") {
		t.Errorf("a registry that is away: %v", err)
	}
	if _, err := fs.Stat(os.DirFS(dir), "image/index.json"); err != nil {
		t.Error(err)
	}
}
