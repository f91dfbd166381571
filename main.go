// Banyan takes a charity's fundraising site out of a Drupal monolith and into small services, route by route,
// without losing a donation, and shows what it saved.
package main

import (
	_ "embed"
	"os"

	"github.com/banyan-migration/banyan/infra/command"
)

// What `banyan up` and `banyan demo` start from, and `banyan ops preflight` looks for; whoever deploys has copies of their own.
var (
	//go:embed gateway.yaml
	gateway []byte
	//go:embed template.yaml
	template []byte
	//go:embed infra/alarms.yaml
	alarms []byte
)

func main() {
	os.Exit(command.Main(os.Args[1:], &command.Files{Gateway: gateway, Template: template, Alarms: alarms}, os.Stdin, os.Stdout, os.Stderr))
}
