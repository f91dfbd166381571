// Command lambda is donate as a Lambda function: gifts, their mandates and their carts.
package main

import (
	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/cloud/secret"
	"github.com/banyan-migration/banyan/shared/host/cloud/table"
	"github.com/banyan-migration/banyan/shared/host/cloud/topic"
)

func main() { cloud.Main("donate", donate.New, secret.Names, table.Store, topic.Send) }
