package canary

import (
	"encoding/json"
	"strings"
)

// Log takes a line of a function's log; it is for runtime.Options. A line in CloudWatch's embedded metric format becomes
// metrics of the minute in which it came, as CloudWatch makes them; every other line is left alone.
func (k *Records) Log(_, line string) {
	if !strings.Contains(line, `"_aws"`) {
		return
	}
	var root map[string]json.RawMessage
	var head struct {
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name string }
		}
	}
	if json.Unmarshal([]byte(line), &root) != nil || json.Unmarshal(root["_aws"], &head) != nil {
		return
	}
	k.mu.Lock()
	to, minute := k.to, k.minute
	k.mu.Unlock()
	if to == nil {
		return
	}
	at := minute()
	for _, d := range head.CloudWatchMetrics {
		for _, names := range d.Dimensions {
			dimensions := map[string]string{}
			for _, n := range names {
				var v string
				if json.Unmarshal(root[n], &v) == nil {
					dimensions[n] = v
				}
			}
			for _, m := range d.Metrics {
				for _, v := range numbers(root[m.Name]) {
					to.put(series{d.Namespace, m.Name, written(dimensions)}, at, v)
				}
			}
		}
	}
}

// numbers are a metric's values: one, or a list.
func numbers(raw json.RawMessage) []float64 {
	var one float64
	if json.Unmarshal(raw, &one) == nil {
		return []float64{one}
	}
	var all []float64
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	return all
}
