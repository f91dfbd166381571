// Handlers under aws-lambda-go, one a name in _HANDLER.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	switch handler := os.Getenv("_HANDLER"); handler {
	case "echo":
		lambda.Start(func(in json.RawMessage) (json.RawMessage, error) {
			fmt.Println("echoing", len(in))
			return in, nil
		})
	case "quiet":
		lambda.Start(func(in json.RawMessage) (json.RawMessage, error) { return in, nil })
	case "error":
		lambda.Start(func() error { return errors.New("no such gift") })
	case "panic":
		lambda.Start(func() error { panic("out of buckets") })
	case "timeout":
		lambda.Start(func() { time.Sleep(time.Hour) })
	case "pid":
		lambda.Start(func() int { return os.Getpid() })
	case "size":
		lambda.Start(func(in struct{ Size int }) string { return strings.Repeat("x", in.Size) })
	case "stream":
		lambda.Start(func() (*events.LambdaFunctionURLStreamingResponse, error) {
			return &events.LambdaFunctionURLStreamingResponse{StatusCode: 200, Body: strings.NewReader("one two three")}, nil
		})
	case "fail":
		lambda.Start(func() (io.Reader, error) {
			return io.MultiReader(strings.NewReader("the first half"), broken{}), nil
		})
	case "context":
		lambda.Start(func(ctx context.Context) (map[string]any, error) {
			c, ok := lambdacontext.FromContext(ctx)
			deadline, _ := ctx.Deadline()
			return map[string]any{"ok": ok, "id": c.AwsRequestID, "arn": c.InvokedFunctionArn, "client": c.ClientContext.Custom,
				"left": time.Until(deadline).Seconds(), "trace": os.Getenv("_X_AMZN_TRACE_ID")}, nil
		})
	case "environment":
		lambda.Start(func() []string { return os.Environ() })
	case "file":
		lambda.Start(func() (string, error) {
			text, err := os.ReadFile(os.Getenv("FILE"))
			return string(bytes.TrimSpace(text)), err
		})
	case "exit":
		lambda.Start(func(in struct{ Status int }) { os.Exit(in.Status) })
	case "init":
		fmt.Println("cannot begin")
		os.Exit(3)
	case "slow":
		time.Sleep(time.Hour)
	default:
		lambda.StartWithOptions(func() error { return nil }, lambda.WithContext(context.Background()))
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the tape is cut") }
