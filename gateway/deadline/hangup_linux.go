package deadline

import "golang.org/x/sys/unix"

// hangup tells of a peer that closed its side, whatever still lies unread.
const hangup = unix.POLLRDHUP
