// Command lambda is lantern as a Lambda function. A service that causes messages adds topic.Send.
package main

import (
	"github.com/banyan-migration/banyan/services/lantern"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/cloud/secret"
	"github.com/banyan-migration/banyan/shared/host/cloud/table"
)

func main() { cloud.Main("lantern", lantern.New, secret.Names, table.Store) }
