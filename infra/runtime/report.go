package runtime

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// billed is what Lambda charges for: whole milliseconds, init included.
func billed(init, duration time.Duration) time.Duration {
	return (init + duration + time.Millisecond - 1).Truncate(time.Millisecond)
}

var knownType = regexp.MustCompile(`^(Runtime|Function|Extension|Sandbox)\.[A-Z][a-zA-Z]+$`)

// known is an error's type as the platform's own lines and events have it: a type of the function's making is not repeated.
func known(kind string) string {
	switch {
	case knownType.MatchString(kind):
		return kind
	case strings.HasPrefix(kind, "Function."):
		return "Function.Unknown"
	}
	return "Runtime.Unknown"
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// report is the REPORT line of a record, without its end.
func report(r Record, status string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		r.Request, milliseconds(r.Duration), r.Billed.Milliseconds(), r.Memory, r.MaxMemory)
	if r.Init > 0 {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", milliseconds(r.Init))
	}
	if status != "" {
		fmt.Fprintf(&b, "Status: %s\t", status)
		if status == "error" {
			fmt.Fprintf(&b, "Error Type: %s\t", known(r.Error))
		}
	}
	return b.String()
}

// initReport tells of an init: subscribers always, the log only where it has failed.
func initReport(log *journal, phase string, took time.Duration, trouble *failed) {
	status, kind := "success", ""
	if trouble != nil {
		status, kind = "error", trouble.kind
		if kind == timedOut && trouble.response == nil {
			status, kind = "timeout", ""
		}
		line := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", milliseconds(took), phase, status)
		if kind != "" {
			line += "\tError Type: " + known(kind)
		}
		log.line(line)
	}
	if log.server == nil || !log.server.Listening() {
		return
	}
	done := map[string]any{"initializationType": "on-demand", "phase": phase, "status": status}
	if kind != "" {
		done["errorType"] = known(kind)
	}
	log.emit("platform.initRuntimeDone", done)
	log.emit("platform.initReport", map[string]any{"initializationType": "on-demand", "phase": phase, "status": status,
		"metrics": map[string]any{"durationMs": round(took)}})
}

// round is a time in milliseconds as events have it: three places.
func round(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func tracing(value string) map[string]string {
	return map[string]string{"type": "X-Amzn-Trace-Id", "value": value}
}

// runtimeDone tells subscribers that the runtime has done with an invocation; extensions may be at work yet.
func (r *run) runtimeDone(e *environment, status string) {
	if !e.server.Listening() {
		return
	}
	e.sync()
	resp := r.inv.Response()
	done := map[string]any{"requestId": r.inv.ID, "status": status, "tracing": tracing(r.inv.Trace),
		"metrics": map[string]any{"durationMs": round(time.Since(r.record.Began)), "producedBytes": resp.Size}}
	if kind := cmp.Or(resp.ErrorType, r.broke); kind != "" {
		done["errorType"] = known(kind)
		if status == "success" {
			done["status"] = "error"
		}
	}
	r.log.emit("platform.runtimeDone", done)
}

// reported tells subscribers what the log's last lines say.
func (r *run) reported() {
	if r.log.server == nil || !r.log.server.Listening() {
		return
	}
	status := r.status
	if status == "" {
		status = "success"
		if r.record.Error != "" {
			status = "error"
		}
	}
	metrics := map[string]any{"durationMs": round(r.record.Duration), "billedDurationMs": r.record.Billed.Milliseconds(),
		"memorySizeMB": r.record.Memory, "maxMemoryUsedMB": r.record.MaxMemory}
	if r.record.Init > 0 {
		metrics["initDurationMs"] = round(r.record.Init)
	}
	said := map[string]any{"requestId": r.inv.ID, "status": status, "metrics": metrics, "tracing": tracing(r.inv.Trace)}
	if r.record.Error != "" {
		said["errorType"] = known(r.record.Error)
	}
	r.log.emit("platform.end", map[string]any{"requestId": r.inv.ID})
	r.log.emit("platform.report", said)
}
