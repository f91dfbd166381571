// Command lambda is postcode as a Lambda function: addresses and schools out of the Layer. It causes no messages.
package main

import (
	"github.com/banyan-migration/banyan/services/postcode"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/cloud/secret"
	"github.com/banyan-migration/banyan/shared/host/cloud/table"
)

func main() { cloud.Main("postcode", postcode.New, secret.Names, table.Store) }
