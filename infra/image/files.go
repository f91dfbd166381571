package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/pem"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user has no rights; the number is the one that images without a base use for nobody in particular.
const user = 65532

// then is when everything in the image was made: a real time would make another image each time.
var then = time.Unix(0, 0).UTC()

// file is one of the image's. Without data it is a folder.
type file struct {
	name string // from the root, without a slash before it
	mode int64
	own  bool // the gateway's user may write to it; else root's
	data []byte
}

// ground is what lies under the program, the same for every architecture.
func ground() []file {
	return []file{
		{name: "etc", mode: 0o755},
		{name: "etc/group", mode: 0o644, data: fmt.Appendf(nil, "root:x:0:\nbanyan:x:%d:\n", user)},
		{name: "etc/passwd", mode: 0o644, data: fmt.Appendf(nil, "root:x:0:0:root:/:/sbin/nologin\nbanyan:x:%[1]d:%[1]d:banyan:/var/lib/banyan:/sbin/nologin\n", user)},
		{name: "etc/ssl", mode: 0o755},
		{name: "etc/ssl/certs", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: roots()},
		{name: "tmp", mode: 0o1777},
		{name: "var", mode: 0o755},
		{name: "var/lib", mode: 0o755},
		{name: "var/lib/banyan", mode: 0o750, own: true},
	}
}

// roots are Mozilla's, as PEM. Those that are trusted under conditions alone are left out: a PEM file cannot say them.
func roots() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return b.Bytes()
}

// layer is a layer of files in the order in which they are given.
func layer(files ...file) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: then, Format: tar.FormatPAX}
		if f.data == nil {
			h.Typeflag, h.Name = tar.TypeDir, f.name+"/"
		}
		if f.own {
			h.Uid, h.Gid = user, user
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }, tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressedCaching) // packed once, not at each look
}

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkProgram refuses what would not run in an image without a base.
func checkProgram(name string, raw []byte, arch string) error {
	f, err := elf.NewFile(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s is no program for Linux: %w", name, err)
	}
	defer f.Close()
	if f.Machine != machines[arch] {
		return fmt.Errorf("%s is for %s, not for %s", name, f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s needs a loader that the image does not have: build it with CGO_ENABLED=0", name)
		}
	}
	return nil
}
