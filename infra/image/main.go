// Package main makes the gateway's container image: no base, no daemon, one static program with the roots of the certificate authorities, for
// arm64 and amd64. It is the same bytes each time, so that a deployment of nothing new is none.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func main() {
	digest, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
	fmt.Println(digest)
}

// order is what is asked for.
type order struct {
	bin, config, head, groups string
	arch, out, push, user     string
	version                   string
}

func run(args []string) (v1.Hash, error) {
	var o order
	f := flag.NewFlagSet("image", flag.ContinueOnError)
	f.StringVar(&o.bin, "bin", "build/ARCH/banyan", "the static program; ARCH is put in")
	f.StringVar(&o.config, "config", "", "a whole gateway.yaml for the image; empty: -head and the groups of -groups")
	f.StringVar(&o.head, "head", "infra/image/gateway.yaml", "all of the configuration but its groups")
	f.StringVar(&o.groups, "groups", "gateway.yaml", "the configuration whose groups are taken")
	f.StringVar(&o.arch, "arch", "arm64,amd64", "the architectures, with commas")
	f.StringVar(&o.out, "out", "build/image", "the folder of the OCI layout; what is there is replaced")
	f.StringVar(&o.push, "push", "", "REGISTRY/NAME:TAG, to send it there too")
	f.StringVar(&o.user, "user", "AWS", "whose password REGISTRY_PASSWORD is; without one Docker's own settings are asked")
	f.StringVar(&o.version, "version", "", "the label; the image changes with it")
	if err := f.Parse(args); err != nil {
		return v1.Hash{}, err
	}
	config, err := o.configuration()
	if err != nil {
		return v1.Hash{}, err
	}
	index, err := o.index(config)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := write(index, o.out); err != nil {
		return v1.Hash{}, fmt.Errorf("%s: %w; nothing was sent anywhere", o.out, err)
	}
	if o.push != "" {
		if err := o.send(index); err != nil {
			return v1.Hash{}, fmt.Errorf("%s: %w; the image is in %s, and what runs is untouched: send it again", o.push, err, o.out)
		}
	}
	return index.Digest()
}

// program is the file of one architecture.
func (o *order) program(arch string) ([]byte, error) {
	file := strings.ReplaceAll(o.bin, "ARCH", arch)
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: make %s makes it", err, file)
	}
	return raw, checkProgram(file, raw, arch)
}

// write replaces the layout whole: a half-written one is never under its name.
func write(index v1.ImageIndex, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(filepath.Dir(out), "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside) // fails once it is renamed
	if err := os.Chmod(aside, 0o755); err != nil {
		return err
	}
	if _, err := layout.Write(aside, index); err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	return os.Rename(aside, out)
}

// send gives the image to a registry. What is there already is not sent twice.
func (o *order) send(index v1.ImageIndex) error {
	to, err := name.ParseReference(o.push)
	if err != nil {
		return err
	}
	who := remote.WithAuthFromKeychain(authn.DefaultKeychain)
	if password := os.Getenv("REGISTRY_PASSWORD"); password != "" {
		who = remote.WithAuth(&authn.Basic{Username: cmp.Or(o.user, "AWS"), Password: password})
	}
	return remote.WriteIndex(to, index, who)
}
