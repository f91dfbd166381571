// Package cloud runs a service as a Lambda function: it turns the events that AWS brings into the service's requests,
// messages, tasks and ticks, and delivers the messages that its commits cause. A main names the parts of AWS that its
// service stands on, and links no others.
//
//	func main() { cloud.Main("donate", donate.New, secret.Names, table.Store, topic.Send) }
package cloud

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
)

// Function is a service in the making, as its parts see it: they read the environment and fill in what they are for.
type Function struct {
	Name string // the service's
	AWS  aws.Config
	Env  host.Env // Getenv, Now, NewID, Log, Files and Client are there before the first part
	// Send delivers messages to their receivers; it returns the ids of those that arrived, also with an error, which is
	// ErrAway where the others were not refused but not taken at all. Nil: this service causes none.
	Send func(ctx context.Context, messages []event.Message) (arrived []string, err error)
}

// ErrAway says that whoever takes messages takes none now: more of them need not be tried.
var ErrAway = errors.New("nobody takes messages now")

// Part gives a function one piece of AWS. Its error names every variable that it misses; Main gathers the errors of all
// parts and of the service's New into one. Parts run in their order, before the first event, and ask nothing of the network
// that an event does not need.
type Part func(ctx context.Context, f *Function) error
