package runtime

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var functionName = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)

// reserved are the variables that Lambda sets itself and refuses in a function's configuration.
var reserved = []string{"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT",
	"LAMBDA_RUNTIME_DIR"}

var variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

// check finds everything that CreateFunction would refuse, at once, and fills in AWS's own values where none are given:
// 128 MB, 3 s, Handler bootstrap.
func check(f *Function) error {
	f.Memory = cmp.Or(f.Memory, 128)
	f.Timeout = cmp.Or(f.Timeout, 3*time.Second)
	f.Handler = cmp.Or(f.Handler, "bootstrap")
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if !functionName.MatchString(f.Name) {
		say("a name has 1 to 64 letters, digits, - and _")
	}
	if f.Memory < 128 || f.Memory > 10240 {
		say("memory %d MB: 128 to 10240", f.Memory)
	}
	if f.Timeout <= 0 || f.Timeout > 15*time.Minute {
		say("timeout %s: at most 15m", f.Timeout)
	}
	if len(f.Layers) > 5 {
		say("%d layers: at most 5", len(f.Layers))
	}
	if f.Reserved != nil && *f.Reserved < 0 {
		say("reserved concurrency %d: 0 or more", *f.Reserved)
	}
	size := 0
	var taken []string
	for name, value := range f.Environment {
		size += len(name) + len(value)
		if slices.Contains(reserved, name) {
			taken = append(taken, name)
		} else if !variableName.MatchString(name) {
			say("variable %q: a letter, then letters, digits and _", name)
		}
	}
	if taken != nil {
		slices.Sort(taken)
		say("Lambda was unable to configure your environment variables because the environment variables you have provided "+
			"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s",
			strings.Join(taken, ", "))
	}
	if size > 4096 {
		say("variables of %d bytes: at most 4096", size)
	}
	return errors.Join(wrong...)
}
