//go:build unix && !linux

package socket

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Away from Linux the calls are the library's: correct, and no cheaper than they are.

func receive(fd uintptr, p []byte, flags uintptr) (int, syscall.Errno) {
	n, _, err := unix.Recvfrom(int(fd), p, unix.MSG_DONTWAIT|int(flags))
	return n, number(err)
}

func send(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := unix.Write(int(fd), p)
	return max(0, n), number(err)
}

func number(err error) syscall.Errno {
	var n syscall.Errno
	if err != nil && !errors.As(err, &n) {
		return syscall.EIO
	}
	return n
}
