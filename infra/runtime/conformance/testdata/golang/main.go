// Handlers under aws-lambda-go, one a name in _HANDLER; as a program in /opt/extensions, an extension.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

var handlers = map[string]any{
	"echo": func(in json.RawMessage) (json.RawMessage, error) {
		fmt.Println("echoing", len(in), "bytes")
		return in, nil
	},
	"quiet":   func(in json.RawMessage) (json.RawMessage, error) { return in, nil },
	"error":   func() error { return errors.New("no such gift") },
	"panic":   func() error { panic("out of buckets") },
	"timeout": func() { select {} },
	"size":    func(n int) (string, error) { return strings.Repeat("x", n-2), nil },
	"stream": func() (*events.LambdaFunctionURLStreamingResponse, error) {
		return &events.LambdaFunctionURLStreamingResponse{StatusCode: 201, Body: strings.NewReader("one two three")}, nil
	},
	"fail": func() (io.Reader, error) { return io.MultiReader(strings.NewReader("the first half"), broken{}), nil },
	"context": func(ctx context.Context) (map[string]any, error) {
		c, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{"id": c.AwsRequestID, "arn": c.InvokedFunctionArn, "custom": c.ClientContext.Custom["who"],
			"soon": time.Until(deadline) < time.Minute, "name": lambdacontext.FunctionName, "memory": lambdacontext.MemoryLimitInMB}, nil
	},
	"exit": func(status int) { os.Exit(status) },
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the tape is cut") }

func main() {
	if filepath.Base(filepath.Dir(os.Args[0])) == "extensions" {
		extend()
		return
	}
	switch handler := os.Getenv("_HANDLER"); handler {
	case "init":
		fmt.Println("cannot begin")
		os.Exit(3)
	case "sigterm": // registers an internal extension
		lambda.StartWithOptions(func() (string, error) { return "still here", nil }, lambda.WithEnableSIGTERM(func() { fmt.Println("told to go") }))
	default:
		lambda.Start(handlers[handler])
	}
}

// extend registers, and writes down what it is told.
func extend() {
	base, name := "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API"), filepath.Base(os.Args[0])
	req, _ := http.NewRequest("POST", base+"/2020-01-01/extension/register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	req.Header.Set("Lambda-Extension-Name", name)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
	id := resp.Header.Get("Lambda-Extension-Identifier")
	for {
		req, _ := http.NewRequest("GET", base+"/2020-01-01/extension/event/next", nil)
		req.Header.Set("Lambda-Extension-Identifier", id)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(err)
		}
		var event struct{ EventType string }
		json.NewDecoder(resp.Body).Decode(&event)
		resp.Body.Close()
		fmt.Println(name, "told of", event.EventType)
		if event.EventType == "SHUTDOWN" {
			return
		}
	}
}
