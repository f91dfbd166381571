// Banyan takes a charity's fundraising site out of a Drupal monolith and into small services, route by route,
// without losing a donation, and shows what it saved.
package main

import (
	"os"

	"github.com/banyan-migration/banyan/infra/command"
)

func main() {
	os.Exit(command.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
