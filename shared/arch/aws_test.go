package arch

import (
	"strconv"
	"strings"
	"testing"
)

// TestAWSIsSpokenByAdaptersAlone: what the services do must run anywhere, so only the adapters and what stands around
// them know AWS's SDK.
func TestAWSIsSpokenByAdaptersAlone(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		if f.dir == "shared/kv/dynamo" || strings.HasPrefix(f.dir, "shared/host/cloud") || strings.HasPrefix(f.dir, "infra/") {
			continue
		}
		for _, spec := range f.ast.Imports {
			if p, _ := strconv.Unquote(spec.Path.Value); strings.HasPrefix(p, "github.com/aws/") {
				t.Errorf("%s imports %s: only shared/kv/dynamo, shared/host/cloud and infra may", f.path, p)
			}
		}
	}
}
