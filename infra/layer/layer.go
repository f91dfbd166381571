// Package layer is the data that services share: what AWS mounts as a Layer at /opt/banyan, and one machine takes from
// this folder. It holds data only, as a Go function is one executable and shares no code by a Layer.
package layer

import "embed"

// Files are the Layer's files by their path in it, as Env.Files offers them.
//
//go:embed postcode
var Files embed.FS
