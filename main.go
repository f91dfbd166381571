// Banyan takes a charity's fundraising site out of a Drupal monolith and into small services, route by route,
// without losing a donation, and shows what it saved.
package main

import (
	_ "embed"
	"os"

	"github.com/banyan-migration/banyan/infra/command"
)

//go:embed gateway.yaml
var gateway []byte

func main() {
	os.Exit(command.Main(os.Args[1:], gateway, os.Stdin, os.Stdout, os.Stderr))
}
