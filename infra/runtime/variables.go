package runtime

import (
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/infra/runtime/api"
)

// addressOf is the variable that no other environment's processes have.
func addressOf(s *api.Server) string { return "AWS_LAMBDA_RUNTIME_API=" + s.Address() }

// runtimeOnly are the variables that AWS keeps from extensions.
var runtimeOnly = []string{"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
	"AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER"}

// forExtension is what an extension sees of the environment.
func forExtension(variables []string) []string {
	return slices.DeleteFunc(slices.Clone(variables), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(runtimeOnly, name)
	})
}

// variables is the whole environment of provided.al2023 and the function's own; nothing of this process is in it.
func (v *version) variables(address, stream string) []string {
	region := v.player.opt.Region
	all := map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "test",
	}
	for name, value := range v.Environment {
		all[name] = v.root.Seen(value)
	}
	for name, value := range v.player.opt.Environment {
		all[name] = value
	}
	for name, value := range map[string]string{
		"AWS_REGION": region, "AWS_DEFAULT_REGION": region,
		"AWS_LAMBDA_FUNCTION_NAME":        v.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     v.number,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(v.Memory),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + v.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      stream,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_RUNTIME_API":          address,
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":         "169.254.100.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS":        "169.254.100.1",
		"_AWS_XRAY_DAEMON_PORT":           "2000",
		"_HANDLER":                        v.Handler,
		"LAMBDA_TASK_ROOT":                v.root.Task,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
	} {
		all[name] = value
	}
	for name, value := range map[string]string{ // a function may set these
		"LANG": "en_US.UTF-8", "TZ": ":UTC",
		"PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:" + v.root.Opt + "/bin",
		"LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + v.root.Task + ":" +
			v.root.Task + "/lib:" + v.root.Opt + "/lib",
	} {
		if _, set := all[name]; !set {
			all[name] = value
		}
	}
	list := make([]string, 0, len(all))
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	return list
}
