package main

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// index is one image for several architectures.
func (o *order) index(config []byte) (v1.ImageIndex, error) {
	base, err := layer(ground()...)
	if err != nil {
		return nil, err
	}
	settings, err := layer(file{name: "etc/banyan", mode: 0o755}, file{name: "etc/banyan/gateway.yaml", mode: 0o644, data: config})
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for arch := range strings.SplitSeq(o.arch, ",") {
		if _, known := machines[arch]; !known {
			return nil, fmt.Errorf("-arch: %q is none that images are made for: arm64, amd64", arch)
		}
		raw, err := o.program(arch)
		if err != nil {
			return nil, err
		}
		program, err := layer(file{name: "banyan", mode: 0o755, data: raw})
		if err != nil {
			return nil, err
		}
		one, err := o.image(arch, base, program, settings)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return index, nil
}

// image is the one of an architecture. The commit that it was made of is not in it, but in the tag under which it is sent: what did not change
// has the same digest, and is not deployed again.
func (o *order) image(arch string, layers ...v1.Layer) (v1.Image, error) {
	one := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	one, err := mutate.AppendLayers(one, layers...)
	if err != nil {
		return nil, err
	}
	c, err := one.ConfigFile()
	if err != nil {
		return nil, err
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Created, c.History = "linux", arch, v1.Time{Time: then}, nil
	c.Config = v1.Config{
		User:         fmt.Sprintf("%[1]d:%[1]d", user),
		WorkingDir:   "/var/lib/banyan",
		Entrypoint:   []string{"/banyan"},
		Cmd:          []string{"gateway", "--config", "/etc/banyan/gateway.yaml"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "8081/tcp": {}},
		StopSignal:   "SIGTERM",
		Labels:       o.labels(),
	}
	return mutate.ConfigFile(one, c)
}

func (o *order) labels() map[string]string {
	const at = "org.opencontainers.image."
	all := map[string]string{
		at + "title":         "banyan-gateway",
		at + "description":   "A strangler in front of a fundraising site: it takes it out of Drupal, route by route",
		at + "source":        "https://github.com/banyan-migration/banyan",
		at + "documentation": "https://github.com/banyan-migration/banyan/blob/main/ops/before-you-put-it-in-front.md",
		at + "licenses":      "Apache-2.0",
	}
	if o.version != "" {
		all[at+"version"] = o.version
	}
	return all
}
