package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/banyan-migration/banyan/gateway/config"
)

// configuration is the gateway.yaml that goes into the image, checked as far as it can be without its environment.
func (o *order) configuration() ([]byte, error) {
	if o.config != "" {
		text, err := os.ReadFile(o.config)
		if err != nil {
			return nil, err
		}
		return text, check(o.config, text)
	}
	head, err := os.ReadFile(o.head)
	if err != nil {
		return nil, err
	}
	whole, err := os.ReadFile(o.groups)
	if err != nil {
		return nil, err
	}
	text, err := joined(head, whole)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", o.head, o.groups, err)
	}
	return text, check(o.head+" with the groups of "+o.groups, text)
}

var (
	errNoGroups = errors.New("the configuration has no line groups: to take them from")
	errGroups   = errors.New("the head has groups of its own: they stand in one file alone")
)

var groups = []byte("\ngroups:")

// joined is a head with another configuration's groups.
func joined(head, whole []byte) ([]byte, error) {
	at := bytes.Index(whole, groups)
	switch {
	case at < 0:
		return nil, errNoGroups
	case bytes.Contains(append([]byte("\n"), head...), groups):
		return nil, errGroups
	}
	return append(append(bytes.TrimRight(head, "\n"), '\n'), bytes.TrimLeft(whole[at:], "\n")...), nil
}

func check(named string, text []byte) error {
	_, err := config.Parse(named, text, config.Options{Check: true})
	return err
}
