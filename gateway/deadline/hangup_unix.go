//go:build unix && !linux

package deadline

import "golang.org/x/sys/unix"

// hangup tells of a connection that is closed both ways; a side that is closed alone shows only on Linux.
const hangup = unix.POLLHUP
