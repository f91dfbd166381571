// Command lambda is payments as a Lambda function: the acquirers and the ledger.
package main

import (
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/cloud/secret"
	"github.com/banyan-migration/banyan/shared/host/cloud/table"
	"github.com/banyan-migration/banyan/shared/host/cloud/topic"
)

func main() { cloud.Main("payments", payments.New, secret.Names, table.Store, topic.Send) }
