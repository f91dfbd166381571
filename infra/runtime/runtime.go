// Package runtime plays AWS Lambda on one machine: it starts real bootstraps, speaks the Runtime API, the Extensions API
// and the Telemetry API to them as AWS does on the wire, keeps environments warm or frozen, and says what each invocation
// would be billed.
package runtime

import (
	"context"
	"time"
)

// Function is what CreateFunction would be told.
type Function struct {
	Name        string
	Code        string   // the folder that is /var/task
	Layers      []string // folders laid over each other at /opt, the last on top; at most five
	Handler     string
	Environment map[string]string
	Memory      int           // MB, 128 to 10240
	Timeout     time.Duration // at most 15 minutes
	Reserved    *int          // environments at most; nil: as many as the account has left
	OnFailure   string        // the function that gets what an asynchronous call could not do in three tries; empty: none
}

// Alias points at a published version, and may give another one a share of the traffic.
type Alias struct {
	Name    string
	Version string
	Canary  string  // the other version; empty: none
	Share   float64 // of the canary, 0 to 1
}

// Call is one invocation.
type Call struct {
	Function      string // name, or name:version, or name:alias
	Payload       []byte
	ClientContext string // base64, as the header has it
	Trace         string // X-Amzn-Trace-Id; empty: one is made
	Event         bool   // asynchronous: answered with 202 at once, tried again twice
	Dry           bool   // nothing is run: 204 where it would be, or why it would not
	Tail          bool   // the answer waits for the whole of LogTail, REPORT too, however long the runtime takes to ask again
}

// Answer is what Invoke answers.
type Answer struct {
	Status    int    // 200, 202, 4xx
	Error     string // X-Amz-Function-Error: "" or "Unhandled"
	Exception string // x-amzn-ErrorType of a 4xx: TooManyRequestsException, …; its body is Payload
	Version   string // that ran
	Payload   []byte
	Request   string // the request's id
	LogTail   []byte // the last 4 KB of the invocation's log
	Streamed  bool
}

// Record is what one invocation took: AWS's REPORT line as numbers.
type Record struct {
	Function, Version, Request string
	Began                      time.Time
	Init                       time.Duration // zero: the environment was warm
	Duration, Billed           time.Duration // Billed has Init in it and is whole milliseconds
	Memory, MaxMemory          int           // MB: set, and used at most
	Error                      string        // "" or the error's type
	CPU                        string        // how the share of the processor was given: "cgroup" or "whole": not limited
	Paths                      string        // "real": code and layers at /var/task and /opt; "rewritten": elsewhere
}

// Invoker invokes functions: a Player, or what stands before one. Safe for concurrent use.
type Invoker interface {
	Invoke(ctx context.Context, call Call) (Answer, error)
}
